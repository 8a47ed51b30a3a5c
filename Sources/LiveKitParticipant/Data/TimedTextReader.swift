internal import Wire

/// A piece of a transcript, often a word, and when it is spoken, in ms from where its agent begins to count.
package struct TimedWord: Hashable, Sendable {
    package let text: String
    /// Nil when the agent does not know it.
    package let start: Int?
    package let end: Int?
}

/// Reads the text of one transcript that may come as lines of JSON: agents with `TextOutputOptions(json_format=True)`
/// send each piece as an object with `text`, `start_time`, `end_time` (in seconds) and a line break behind it
/// (docs/livekit-protocol.md#transcripts). No attribute of the stream says so; the first line decides. Pure.
struct TimedTextReader: Sendable {
    /// Bytes of one line, at most: a longer one is plain text at the beginning, and is passed over later.
    static let maximumLineBytes = 16 << 10
    /// Words of one transcript that are kept.
    static let maximumWords = 4096
    /// The members that such an object may have. An agent that speaks other JSON means it as text.
    private static let members: Set<String> = [
        "text", "start_time", "end_time", "confidence", "start_time_offset", "speaker_id",
    ]

    private enum Form {
        case undecided
        case plain
        case timed
    }

    private var form = Form.undecided
    /// An unfinished line; everything so far while the form is not known.
    private var line: [UInt8] = []
    /// What is spoken, without the JSON around it.
    private(set) var text = ""
    private(set) var words: [TimedWord] = []

    /// Takes the next piece of the stream's text; returns whether there is more to show.
    mutating func append(_ piece: String) -> Bool {
        guard form != .plain else {
            text += piece
            return !piece.isEmpty
        }
        let before = text.utf8.count
        line.append(contentsOf: piece.utf8)
        readLines()
        return text.utf8.count > before
    }

    /// The stream is over: a last line may have no line break.
    mutating func finish() {
        guard !line.isEmpty else { return }
        if let word = Self.word(of: line[...]) {
            form = .timed
            add(word)
        } else if form == .undecided {
            becomePlain()
        }
        line = []
    }

    private mutating func readLines() {
        if form == .undecided, line.first != UInt8(ascii: "{") { return becomePlain() }
        var start = 0
        while let end = line[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let word = Self.word(of: line[start..<end])
            if form == .undecided {
                guard word != nil else { return becomePlain() }
                form = .timed
            }
            if let word { add(word) }
            start = end + 1
        }
        line.removeFirst(start)
        guard line.count > Self.maximumLineBytes else { return }
        if form == .undecided { becomePlain() } else { line = [] }
    }

    private mutating func becomePlain() {
        form = .plain
        text += String(decoding: line, as: UTF8.self)
        line = []
    }

    private mutating func add(_ word: TimedWord) {
        text += word.text
        if words.count < Self.maximumWords { words.append(word) }
    }

    private static func word(of line: ArraySlice<UInt8>) -> TimedWord? {
        guard let object = (try? JSONValue(parsing: Array(line), maximumDepth: 2))?.object,
            let text = object["text"]?.string, object.members.allSatisfy({ members.contains($0.key) })
        else { return nil }
        return TimedWord(
            text: text, start: milliseconds(object["start_time"]), end: milliseconds(object["end_time"]))
    }

    /// Nil for what is no time of a call: negative, or longer than a week.
    private static func milliseconds(_ seconds: JSONValue?) -> Int? {
        guard let seconds = seconds?.double, (0...604_800).contains(seconds) else { return nil }
        return Int((seconds * 1000).rounded())
    }
}
