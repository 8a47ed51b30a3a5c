/// Cuts what an agent says into the sentences that a display shows one after the other, while the text grows. Nothing is
/// shown twice, and a sentence only when it is complete.
struct XiaozhiSentences: Sendable {
    /// The segment that is being told, and what of it the device has.
    private var segment = ""
    private var told = ""

    private static let ends: Set<Character> = [".", "!", "?", "…", ":", ";"]
    /// Of scripts that have no spaces between sentences.
    private static let wideEnds: Set<Character> = ["。", "！", "？", "；"]

    /// The sentences that are complete now.
    mutating func take(_ transcript: Transcript) -> [String] {
        if transcript.segmentID != segment { (segment, told) = (transcript.segmentID, "") }
        // What was corrected cannot be taken back: it is shown once more, when it is final.
        guard transcript.content.hasPrefix(told) else {
            guard transcript.isFinal else { return [] }
            told = transcript.content
            return Self.shown(transcript.content[...]).map { [$0] } ?? []
        }
        var sentences: [String] = []
        var rest = transcript.content.dropFirst(told.count)
        while let end = Self.endOfSentence(rest) {
            if let sentence = Self.shown(rest[..<end]) { sentences.append(sentence) }
            rest = rest[end...]
        }
        if transcript.isFinal, let sentence = Self.shown(rest) {
            sentences.append(sentence)
            rest = rest[rest.endIndex...]
        }
        told = String(transcript.content[..<rest.startIndex])
        return sentences
    }

    /// Behind the first sentence whose end is certain: `3.5` has none.
    private static func endOfSentence(_ text: Substring) -> Substring.Index? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index].isNewline || wideEnds.contains(text[index]) { return next }
            if ends.contains(text[index]), next < text.endIndex, text[next].isWhitespace { return next }
            index = next
        }
        return nil
    }

    private static func shown(_ text: Substring) -> String? {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text.isEmpty ? nil : String(text)
    }
}
