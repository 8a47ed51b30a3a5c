internal import ClientProtocol

/// Turns bytes of the client into samples at the rate of Opus. Belongs to one loop.
struct SoundInput: ~Copyable {
    /// Scratch memory of a burst beyond so many samples is given back.
    private static let keptScratch = 65_536

    private(set) var format: AudioFormat
    private var decoder: SampleDecoder?
    private var converter: (any RateConverter)?
    private var decoded: [Int16] = []
    private var converted: [Int16] = []

    /// - Parameter rate: of the result, in Hz.
    init(format: AudioFormat, rate: Int, coders: any AudioCoderFactory) throws(AudioCoderFailure) {
        self.format = format
        decoder = SampleDecoder(format: format)
        if format.encoding != .opus, format.sampleRate != rate {
            converter = try coders.makeConverter(from: format.sampleRate, to: rate)
        }
    }

    /// Decodes bytes of any length; returns how long their sound is, in samples at 48 kHz.
    mutating func decode(_ bytes: RawSpan) -> Int {
        decoded.removeAll(keepingCapacity: true)
        decoder?.append(bytes, to: &decoded)
        let length = decoded.count * 48_000 / max(1, format.sampleRate)
        guard let converter else { return length }
        converted.removeAll(keepingCapacity: true)
        let samples = decoded
        converter.convert(samples.span, appendingTo: &converted)
        return length
    }

    /// What was decoded last.
    var samples: [Int16] { converter == nil ? decoded : converted }

    /// Forgets half a sample.
    mutating func reset() { decoder?.reset() }

    mutating func releaseSpare() {
        if decoded.capacity > Self.keptScratch { decoded = [] }
        if converted.capacity > Self.keptScratch { converted = [] }
    }
}
