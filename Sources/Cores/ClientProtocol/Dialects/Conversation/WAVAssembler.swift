/// Puts a WAV file together from the messages in which it comes, and tells when it is whole. Each byte is looked at
/// once, however small the messages are.
struct WAVAssembler: Sendable {
    private(set) var bytes: [UInt8] = []
    private var offset = 12
    private var hasFormat = false
    /// Where the samples end; nil while their chunk has not begun or has an open length.
    private var dataEnd: Int?

    mutating func append(_ more: [UInt8]) {
        if bytes.isEmpty { bytes = more } else { bytes.append(contentsOf: more) }
        while dataEnd == nil || !hasFormat, offset + 8 <= bytes.count {
            let size = integer(offset + 4)
            let isData = bytes[offset..<offset + 4].elementsEqual("data".utf8)
            // Nobody knows yet how long such a file is: the end of the turn ends it.
            if isData, size == 0 || size == Int(UInt32.max) { return }
            let end = offset + 8 + size
            if isData, dataEnd == nil { dataEnd = end }
            if bytes[offset..<offset + 4].elementsEqual("fmt ".utf8), end <= bytes.count { hasFormat = true }
            guard end <= bytes.count else { return }
            offset = end + size % 2
        }
    }

    /// Whether format and samples are there, and all else that the file's own length counts.
    var isComplete: Bool {
        guard hasFormat, let dataEnd, dataEnd <= bytes.count else { return false }
        let whole = integer(4) + 8
        // A length that says less than the chunks was not filled in; padding is often not counted.
        return whole <= dataEnd + 1 || whole <= bytes.count
    }

    private func integer(_ offset: Int) -> Int {
        Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2]) << 16 | Int(bytes[offset + 3]) << 24
    }
}
