/// What has still to be converted of a recorded utterance. A minute at the rate of a sound card takes a tenth of a
/// second and more to convert, for which all other sessions of the loop would wait; so it is done as it is played.
struct WaitingRecording {
    /// How much is converted at a time, in ms: what is always ready to be played, and little enough for one iteration
    /// of the loop.
    static let sliceMilliseconds = 200

    private let samples: [Int16]
    private let converter: any RateConverter
    private let sampleRate: Int
    private var position = 0
    /// The caller's turn ends with it.
    var endsTurn = false

    init(_ samples: [Int16], sampleRate: Int, converter: any RateConverter) {
        self.samples = samples
        self.sampleRate = sampleRate
        self.converter = converter
    }

    var isEmpty: Bool { position == samples.count }

    /// What is left, in samples at 48 kHz.
    var samplesAt48kHz: Int { (samples.count - position) * 48_000 / max(1, sampleRate) }

    /// Converts the next slice.
    mutating func convertSlice(appendingTo output: inout [Int16]) {
        let end = min(samples.count, position + max(1, sampleRate * Self.sliceMilliseconds / 1000))
        converter.convert(samples.span.extracting(position..<end), appendingTo: &output)
        position = end
    }
}
