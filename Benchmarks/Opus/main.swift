import AudioCodec
import Glibc
import LoadGenerator

// What libopus alone costs for the sound of a load test: for each session one encoder (16 kHz mono, 20 ms, the
// gateway's settings) and one decoder (24 kHz mono), all in turn as they are in the gateway, as fast as possible. What
// DTX leaves out is not decoded, since it is not sent.
//
// With "paced" each session has its time within the 20 ms, as in the gateway: the processor does other things, or
// nothing, between one frame and the next.
//
// Prints CPU time as JSON. Arguments: sessions, seconds of sound, "paced".

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
}

let isPaced = CommandLine.arguments.contains("paced")
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
/// The next frame of a session; returns what encoding and decoding cost.
func run(_ index: Int) throws -> (encoding: Double, decoding: Double) {
    let start = cpuTime()
    let session = sessions[index]
    let length = try speech[session.position].withUnsafeBufferPointer {
        try session.encoder.encode($0, into: session.packet)
    }
    sessions[index].position = (session.position + 1) % speech.count
    let isSent = length > 2 || !session.isDiscontinuous
    sessions[index].isDiscontinuous = length <= 2
    let middle = cpuTime()
    guard isSent else { return (middle - start, 0) }
    _ = try session.decoder.decode(UnsafeRawBufferPointer(rebasing: session.packet[..<length]), into: pcm)
    packets += 1
    bytes += length
    return (middle - start, cpuTime() - middle)
}

func sleep(until nanoseconds: Int) {
    var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
}

var now = timespec()
clock_gettime(CLOCK_MONOTONIC, &now)
let begin = now.tv_sec * 1_000_000_000 + now.tv_nsec
// The first second warms up and is not counted.
for frame in 0..<(seconds + 1) * 50 {
    if frame == 50 { (encoding, decoding, bytes, packets) = (0, 0, 0, 0) }
    for index in sessions.indices {
        if isPaced { sleep(until: begin + frame * 20_000_000 + index * 20_000_000 / count) }
        let cost = try run(index)
        encoding += cost.encoding
        decoding += cost.decoding
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
