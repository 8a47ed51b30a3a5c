/// Reads a WAV file while it comes, in messages cut anywhere: a file of open length, as a recorder writes it to a pipe, or
/// one that is too long to wait for.
struct WAVStream: Sendable {
    /// Bytes before the samples, and behind them, that are passed over.
    static let maximumHeaderBytes = 64 << 10

    private enum Part: Sendable {
        case header([UInt8])
        /// - Parameter left: bytes of samples that still come; nil when nobody knows.
        case samples(left: Int?)
        /// What a file has behind its samples.
        case end(left: Int)
    }

    private var part = Part.header([])
    private var codec = WAVFile.Codec.pcm16
    private var channels = 1
    /// A sample frame that is not whole yet.
    private var carry: [UInt8] = []
    /// Bytes that the file has behind its samples, by its own word.
    private var trailing = 0
    /// In Hz; nil until the header is there.
    private(set) var sampleRate: Int?

    var isOver: Bool { if case .end(0) = part { true } else { false } }

    /// Takes the next bytes; returns the samples in them, mixed down to one channel.
    mutating func append(_ bytes: [UInt8]) throws(WAVError) -> [Int16] {
        var bytes = bytes[...]
        if case .header(let earlier) = part {
            guard let samples = try begin(earlier + bytes) else { return [] }
            bytes = samples
        }
        if case .samples(let left) = part {
            let count = min(bytes.count, left ?? bytes.count)
            let samples = decode(bytes.prefix(count))
            part = .samples(left: left.map { $0 - count })
            if left == count {
                part = .end(left: trailing)
                bytes = bytes.dropFirst(count)
                skip(bytes.count)
            }
            return samples
        }
        skip(bytes.count)
        return []
    }

    private mutating func skip(_ count: Int) {
        if case .end(let left) = part { part = .end(left: max(0, left - count)) }
    }

    /// Looks for the samples; returns what of the bytes is samples or comes behind them, nil while more must come.
    private mutating func begin(_ file: [UInt8]) throws(WAVError) -> ArraySlice<UInt8>? {
        part = .header([])
        var offset = 12
        var format: Range<Int>?
        while offset + 8 <= file.count {
            let size = Self.integer(file, offset + 4)
            let start = offset + 8
            if file[offset..<offset + 4].elementsEqual("data".utf8) {
                guard let format else { throw .missingFormat }
                let rate: Int
                (codec, rate, channels) = try WAVFile.parseFormat(file, format)
                guard RecordingReader.sampleRates.contains(rate) else { throw .unsupportedSampleRate(UInt32(rate)) }
                sampleRate = rate
                let isOpen = size == 0 || size >= Int(Int32.max)
                let whole = Self.integer(file, 4) + 8
                trailing = max(0, min(whole - (start + size), Self.maximumHeaderBytes))
                part = .samples(left: isOpen ? nil : size)
                return file[start...]
            }
            guard start + size + size % 2 <= Self.maximumHeaderBytes else { throw .missingData }
            if file[offset..<offset + 4].elementsEqual("fmt ".utf8), start + size <= file.count {
                format = start..<start + size
            }
            offset = start + size + size % 2
        }
        part = .header(file)
        return nil
    }

    private mutating func decode(_ bytes: ArraySlice<UInt8>) -> [Int16] {
        let data = carry + bytes
        let frameSize = codec.byteCount * channels
        let whole = data.count / frameSize * frameSize
        carry = Array(data[whole...])
        return WAVFile(codec: codec, sampleRate: sampleRate ?? 0, channels: channels, data: Array(data[..<whole]))
            .monoSamples()
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int) -> Int {
        Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2]) << 16 | Int(bytes[offset + 3]) << 24
    }
}
