import AudioCodec
import Glibc
import LoadGenerator

// What libopus alone costs for the sound of a load test: for each session one encoder (16 kHz mono, 20 ms, the
// gateway's settings) and one decoder (24 kHz mono), all in turn as they are in the gateway, as fast as possible. What
// DTX leaves out is not decoded, since it is not sent.
//
// Prints CPU time as JSON. Arguments: sessions, seconds of sound.

func cpuTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

struct Session {
    let encoder: OpusEncoder
    let decoder: OpusDecoder
    var position: Int
    var isDiscontinuous = false
    let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)
    var length = 0
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let count = arguments.first ?? 100
let seconds = arguments.dropFirst().first ?? 12
let speech = LoadSpeech.samples()
let configuration = OpusEncoder.Configuration()
var random = LoadRandom(seed: 1)
var sessions: [Session] = []
for _ in 0..<count {
    sessions.append(
        Session(
            encoder: try OpusEncoder(sampleRate: LoadSpeech.sampleRate, channels: 1),
            decoder: try OpusDecoder(sampleRate: 24_000, channels: 1),
            position: Int.random(in: 0..<speech.count, using: &random)))
}
let pcm = UnsafeMutableBufferPointer<Int16>.allocate(capacity: 24_000 * 120 / 1000)
var encoding = 0.0
var decoding = 0.0
var bytes = 0
var packets = 0
// The first second warms up and is not counted.
for frame in 0..<(seconds + 1) * 50 {
    let start = cpuTime()
    for index in sessions.indices {
        let length = try speech[sessions[index].position].withUnsafeBufferPointer {
            try sessions[index].encoder.encode($0, into: sessions[index].packet)
        }
        sessions[index].position = (sessions[index].position + 1) % speech.count
        let isSent = length > 2 || !sessions[index].isDiscontinuous
        sessions[index].isDiscontinuous = length <= 2
        sessions[index].length = isSent ? length : 0
    }
    let middle = cpuTime()
    for session in sessions where session.length > 0 {
        _ = try session.decoder.decode(UnsafeRawBufferPointer(rebasing: session.packet[..<session.length]), into: pcm)
    }
    let end = cpuTime()
    guard frame >= 50 else { continue }
    encoding += middle - start
    decoding += end - middle
    for session in sessions where session.length > 0 {
        packets += 1
        bytes += session.length
    }
}
let scale = 1000 / Double(count * seconds)
print(
    """
    {"sessions": \(count), "seconds": \(seconds), "bitrate": \(configuration.bitrate), \
    "complexity": \(configuration.complexity), "encode_ms": \(encoding * scale), "decode_ms": \(decoding * scale), \
    "total_ms": \((encoding + decoding) * scale), "packets_per_second": \(Double(packets) / Double(count * seconds)), \
    "packet_bytes": \(Double(bytes) / Double(max(1, packets)))}
    """)
