internal import AudioCodec
internal import ClientProtocol

/// A WAV file as the frames that a client sends: 20 ms each, in the session's input format. They are encoded when they
/// are sent, since an Opus encoder must see silence and speech in the order in which they are heard.
struct CallSpeech {
    /// Length of a frame in milliseconds.
    static let frameMilliseconds = 20
    /// What is louder than this counts as speech (root mean square of 16-bit samples; about -44 dB).
    static let speechLevel = 200
    /// The longest file: an hour of 16-bit mono at 48 kHz.
    static let maximumFileBytes = 400 << 20

    /// Why a file cannot be spoken.
    enum Failure: Error {
        case notWAV(WAVError)
        case empty
        case codec(AudioCodecError)

        var reason: String {
            switch self {
            case .notWAV(let error): "it is \(error)"
            case .empty: "it holds no sound"
            case .codec(let error): error.description
            }
        }
    }

    /// What the frames are written in.
    let format: AudioFormat
    /// Mono samples of each frame.
    private(set) var frames: [[Int16]] = []
    /// Loudness of each frame (root mean square).
    private(set) var levels: [Int] = []
    private var writer: FrameWriter

    /// How many frames come before the trailing silence.
    var framesOfSpeech: Int { (levels.lastIndex { $0 > Self.speechLevel } ?? levels.count - 1) + 1 }

    /// In seconds.
    var duration: Double { Double(frames.count * Self.frameMilliseconds) / 1000 }

    /// Silence alone.
    init(silenceIn format: AudioFormat) throws(Failure) {
        self.format = format
        writer = try FrameWriter(format)
    }

    /// The next message, to be sent after all that were made before: a frame of the file, or silence.
    mutating func message(frame index: Int?) -> [UInt8] {
        let samples = index.map { frames[$0] } ?? []
        let length = format.sampleRate * Self.frameMilliseconds / 1000
        return writer.write(samples.isEmpty ? [Int16](repeating: 0, count: length) : samples)
    }

    /// Reads a WAV file and converts it.
    ///
    /// - Parameters:
    ///   - file: of any PCM, float, µ-law or A-law format.
    ///   - wanted: what the session takes; its rate counts only when `keepsRate` is false.
    ///   - keepsRate: send at the file's own rate where the gateway takes that.
    init(file: [UInt8], wanted: AudioFormat, keepsRate: Bool) throws(Failure) {
        let wav: WAVFile
        do throws(WAVError) {
            wav = try WAVFile(parsing: file)
        } catch {
            throw .notWAV(error)
        }
        var samples = wav.monoSamples()
        guard !samples.isEmpty else { throw .empty }
        var rate = wav.sampleRate
        var format = wanted
        if keepsRate {
            let rates = format.encoding == .opus ? AudioFormat.opusSampleRates : AudioFormat.sampleRates
            format.sampleRate = rates.contains(rate) ? rate : 48_000
        }
        // The resampler takes 8 to 48 kHz; what is beyond is first brought there by halves and doubles.
        while rate > 48_000 {
            samples = stride(from: 0, to: samples.count - 1, by: 2).map {
                Int16((Int(samples[$0]) + Int(samples[$0 + 1])) / 2)
            }
            rate /= 2
        }
        while rate < 8000 {
            samples = samples.indices.flatMap { index in
                let next = index + 1 < samples.count ? samples[index + 1] : samples[index]
                return [samples[index], Int16((Int(samples[index]) + Int(next)) / 2)]
            }
            rate *= 2
        }
        if rate != format.sampleRate { samples = try Self.resampled(samples, from: rate, to: format.sampleRate) }
        try self.init(silenceIn: format)
        // Where 20 ms are no whole number of samples (11 025 and 22 050 Hz), frames of two lengths keep the pace.
        var start = 0
        var index = 0
        while start < samples.count {
            index += 1
            let end = index * format.sampleRate * Self.frameMilliseconds / 1000
            var frame = Array(samples[start..<min(end, samples.count)])
            frame.append(contentsOf: repeatElement(0, count: end - start - frame.count))
            levels.append(SoundLevel.rootMeanSquare(frame.span))
            frames.append(frame)
            start = end
        }
    }

    private static func resampled(_ samples: [Int16], from rate: Int, to wanted: Int) throws(Failure) -> [Int16] {
        let resampler: Resampler
        do throws(AudioCodecError) {
            resampler = try Resampler(inputRate: rate, outputRate: wanted, channels: 1)
        } catch {
            throw .codec(error)
        }
        // The filter's tail comes out only when something follows.
        let input = samples + [Int16](repeating: 0, count: rate / 50)
        var output = [Int16](repeating: 0, count: resampler.capacity(for: input.count))
        var room = output.mutableSpan
        let progress = resampler.process(input.span, into: &room)
        return Array(output.prefix(progress.produced))
    }

    /// Writes frames of mono samples in the session's format.
    private struct FrameWriter {
        let format: AudioFormat
        private let encoder: OpusEncoder?

        init(_ format: AudioFormat) throws(Failure) {
            self.format = format
            guard format.encoding == .opus else {
                encoder = nil
                return
            }
            do throws(AudioCodecError) {
                encoder = try OpusEncoder(sampleRate: format.sampleRate, channels: format.channels)
            } catch {
                throw .codec(error)
            }
        }

        /// A message; empty when the encoder fails, which it does not for frames of 20 ms.
        func write(_ samples: [Int16]) -> [UInt8] {
            guard let encoder else {
                var bytes: [UInt8] = []
                SampleEncoder.append(samples.span, as: format.encoding, channels: format.channels, to: &bytes)
                return bytes
            }
            let interleaved =
                format.channels == 1 ? samples : samples.flatMap { [Int16](repeating: $0, count: format.channels) }
            var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketLength)
            var room = packet.mutableSpan
            let length = (try? encoder.encode(interleaved.span, into: &room)) ?? 0
            return Array(packet.prefix(length))
        }
    }
}
