/// Reads a WAV file while it comes, in messages cut anywhere: a file of open length, as a recorder writes it to a pipe, or
/// one that is too long to wait for.
struct WAVStream: Sendable {
    /// Bytes before the samples, and behind them, that are passed over.
    static let maximumHeaderBytes = 64 << 10

    private enum Part: Sendable {
        case header
        /// - Parameter left: bytes of samples that still come; nil when nobody knows.
        case samples(left: Int?)
        /// What a file has behind its samples.
        case end(left: Int)
    }

    private var part = Part.header
    /// What of the header has come, how much of it is read, and where the format is.
    private var header: [UInt8] = []
    private var offset = 12
    private var format: Range<Int>?
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
        if case .header = part {
            header += bytes
            guard let samples = try begin() else { return [] }
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

    /// Looks for the samples, at each byte of the header once; returns what of it is samples or comes behind them, nil while
    /// more must come.
    private mutating func begin() throws(WAVError) -> ArraySlice<UInt8>? {
        while offset + 8 <= header.count {
            let size = Int(WAVFile.uint32(header, offset + 4))
            let start = offset + 8
            if header[offset..<start - 4].elementsEqual("data".utf8) {
                guard let format else { throw .missingFormat }
                let rate: Int
                (codec, rate, channels) = try WAVFile.parseFormat(header, format)
                guard RecordingReader.sampleRates.contains(rate) else { throw .unsupportedSampleRate(UInt32(rate)) }
                sampleRate = rate
                let isOpen = size == 0 || size >= Int(Int32.max)
                trailing = max(0, min(Int(WAVFile.uint32(header, 4)) + 8 - (start + size), Self.maximumHeaderBytes))
                part = .samples(left: isOpen ? nil : size)
                defer { header = [] }
                return header[start...]
            }
            let end = start + size + size % 2
            guard end <= Self.maximumHeaderBytes else { throw .missingData }
            let isFormat = header[offset..<start - 4].elementsEqual("fmt ".utf8)
            // The format is needed as a whole; other chunks are passed over.
            if isFormat, start + size > header.count { return nil }
            if isFormat { format = start..<start + size }
            offset = end
        }
        return nil
    }

    private mutating func decode(_ bytes: ArraySlice<UInt8>) -> [Int16] {
        let data = carry + bytes
        let frameSize = codec.byteCount * channels
        let whole = data.count / frameSize * frameSize
        carry = Array(data[whole...])
        return WAVFile(codec: codec, sampleRate: sampleRate ?? 0, channels: channels, data: data[..<whole])
            .monoSamples()
    }
}
