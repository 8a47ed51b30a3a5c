internal import ClientProtocol

/// What has still to be made samples of a recorded utterance.
struct WaitingRecording {
    /// How much is converted at a time, in ms: little enough for one iteration of the loop.
    static let sliceMilliseconds = 200

    private let file: WAVFile
    /// Nil when the rate is that of frames.
    private let converter: (any RateConverter)?
    private let count: Int
    private let sampleRate: Int
    private var position = 0

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

    /// Leaves out so much of what is next, or all that is left.
    mutating func skip(samplesAt48kHz samples: Int) {
        position = min(count, position + (samples * sampleRate + 47_999) / 48_000)
    }
}
