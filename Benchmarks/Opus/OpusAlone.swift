import AudioCodec
import Bridge
import Glibc
import LoadGenerator
import Wire

/// What libopus alone costs for the sound of a load test: for each session one encoder (16 kHz mono, 20 ms) and one decoder
/// (24 kHz mono), all in turn as they are in the gateway, as fast as possible. What DTX leaves out is not decoded, since it is not
/// sent.
///
/// The encoder is the yardstick of all versions (voice, complexity 5, 24 kbit/s, DTX), with "operating" what the gateway asks for
/// when a room's link is wide.
///
/// With "paced" each session has its time within the 20 ms, as in the gateway: the processor does other things, or
/// nothing, between one frame and the next.
///
/// Prints CPU time as JSON. Arguments: sessions, seconds of sound, "paced", "operating".
@main
struct OpusAlone {
    private struct Session {
        let encoder: OpusEncoder
        let decoder: OpusDecoder
        var position: Int
        var isDiscontinuous = false
    }

    private let speech = LoadSpeech.samples()
    private let configuration: OpusEncoder.Configuration
    private var sessions: [Session] = []
    private var packet = [UInt8](repeating: 0, count: 1500)
    private var pcm = [Int16](repeating: 0, count: 24_000 * 120 / 1000)
    private var encoding = 0.0
    private var decoding = 0.0
    private var bytes = 0
    private var packets = 0

    static func main() throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        var program = try OpusAlone(
            sessions: numbers.first ?? 100,
            CommandLine.arguments.contains("operating")
                ? OpusProfile().forRoom(sampleRate: LoadSpeech.sampleRate, over: .wide) : OpusEncoder.Configuration())
        try program.run(
            seconds: numbers.dropFirst().first ?? 12, isPaced: CommandLine.arguments.contains("paced"))
    }

    private init(sessions count: Int, _ configuration: OpusEncoder.Configuration) throws {
        self.configuration = configuration
        var random = LoadRandom(seed: 1)
        for _ in 0..<count {
            sessions.append(
                Session(
                    encoder: try OpusEncoder(
                        sampleRate: LoadSpeech.sampleRate, channels: 1, configuration: configuration),
                    decoder: try OpusDecoder(sampleRate: 24_000, channels: 1),
                    position: Int.random(in: 0..<speech.count, using: &random)))
        }
    }

    private mutating func run(seconds: Int, isPaced: Bool) throws {
        var now = timespec()
        // SAFETY: the call fills the structure.
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let begin = now.tv_sec * 1_000_000_000 + now.tv_nsec
        // The first second warms up and is not counted.
        for frame in 0..<(seconds + 1) * 50 {
            if frame == 50 { (encoding, decoding, bytes, packets) = (0, 0, 0, 0) }
            for index in sessions.indices {
                if isPaced { Self.sleep(until: begin + frame * 20_000_000 + index * 20_000_000 / sessions.count) }
                try codeFrame(of: index)
            }
        }
        let scale = 1000 / Double(sessions.count * seconds)
        print(
            """
            {"sessions": \(sessions.count), "seconds": \(seconds), "bitrate": \(configuration.bitrate), \
            "complexity": \(configuration.complexity), "encode_ms": \(encoding * scale), \
            "decode_ms": \(decoding * scale), "total_ms": \((encoding + decoding) * scale), \
            "packets_per_second": \(Double(packets) / Double(sessions.count * seconds)), \
            "packet_bytes": \(Double(bytes) / Double(max(1, packets)))}
            """)
    }

    private mutating func codeFrame(of index: Int) throws {
        let session = sessions[index]
        let start = Self.cpuTime()
        let frame = speech[session.position]
        var output = packet.mutableSpan
        let length = try session.encoder.encode(frame.span, into: &output)
        let middle = Self.cpuTime()
        encoding += middle - start
        sessions[index].position = (session.position + 1) % speech.count
        // Of a run of packets without sound the first is sent.
        let isSent = length > 2 || !session.isDiscontinuous
        sessions[index].isDiscontinuous = length <= 2
        guard isSent else { return }
        let sent = packet
        var room = pcm.mutableSpan
        _ = try session.decoder.decode(sent.span.bytes.extracting(0..<length), into: &room)
        decoding += Self.cpuTime() - middle
        packets += 1
        bytes += length
    }

    private static func cpuTime() -> Double {
        var time = timespec()
        // SAFETY: the call fills the structure.
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func sleep(until nanoseconds: Int) {
        var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        // SAFETY: the call reads the structure.
        unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
    }
}
