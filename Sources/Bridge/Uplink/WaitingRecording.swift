internal import ClientProtocol

/// What has still to be made samples of a recorded utterance. A minute at the rate of a sound card takes a tenth of a second and
/// more, for which all other sessions of the loop would wait; so it is done as it is played.
struct WaitingRecording {
    /// How much is converted at a time, in ms: what is always ready to be played, and little enough for one iteration
    /// of the loop.
    static let sliceMilliseconds = 200

    private let file: WAVFile
    /// Nil when the rate is that of frames.
    private let converter: (any RateConverter)?
    private let count: Int
    private let sampleRate: Int
    private var position = 0
    /// The caller's turn ends with it.
    var endsTurn = false

    init(_ file: WAVFile, converter: (any RateConverter)?) {
        self.file = file
        self.converter = converter
        count = file.sampleFrameCount
        sampleRate = max(1, file.sampleRate)
    }

    var isEmpty: Bool { position == count }

    /// What is left, in samples at 48 kHz.
    var samplesAt48kHz: Int { (count - position) * 48_000 / sampleRate }

    /// Converts the next slice.
    ///
    /// - Parameter scratch: for samples at the recording's own rate.
    mutating func convertSlice(appendingTo output: inout [Int16], scratch: inout [Int16]) {
        let end = min(count, position + max(1, sampleRate * Self.sliceMilliseconds / 1000))
        if let converter {
            scratch.removeAll(keepingCapacity: true)
            file.appendMonoSamples(position..<end, to: &scratch)
            converter.convert(scratch.span, appendingTo: &output)
        } else {
            file.appendMonoSamples(position..<end, to: &output)
        }
        position = end
    }
}
