internal import AudioCodec
internal import Bridge
internal import ClientProtocol
internal import Wire

/// What happens to samples between a client and Opus: 20 ms each time.
var soundBenchmarks: [Benchmark] {
    let narrow = TestSound.voice(sampleRate: 16_000, milliseconds: 20)
    let wide = TestSound.voice(sampleRate: 24_000, milliseconds: 20)
    let narrowBytes = TestSound.bytes(narrow)
    func decode(_ name: String, _ format: AudioFormat, _ bytes: [UInt8]) -> Benchmark {
        Benchmark(name) {
            var decoder = SampleDecoder(format: format)
            var samples: [Int16] = []
            return {
                samples.removeAll(keepingCapacity: true)
                decoder?.append(bytes.span.bytes, to: &samples)
                keep(samples.count)
            }
        }
    }
    func encode(_ name: String, _ encoding: AudioEncoding) -> Benchmark {
        Benchmark(name) {
            var bytes: [UInt8] = []
            return {
                bytes.removeAll(keepingCapacity: true)
                SampleEncoder.append(wide.span, as: encoding, to: &bytes)
                keep(bytes.count)
            }
        }
    }
    return [
        decode("sound.read.s16", AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000), narrowBytes),
        decode(
            "sound.read.f32", AudioFormat(encoding: .pcmF32LE, sampleRate: 16_000),
            [UInt8](repeating: 0x3C, count: 1280)),
        decode("sound.read.mulaw", AudioFormat(encoding: .mulaw, sampleRate: 8000), [UInt8](repeating: 9, count: 160)),
        encode("sound.write.s16", .pcmS16LE),
        encode("sound.write.f32", .pcmF32LE),
        encode("sound.write.mulaw", .mulaw),
        Benchmark("frames.assemble") {
            var frames = FrameAssembler(sampleRate: 16_000, limit: 960_000)
            var frame: [Int16] = []
            return {
                frames.append(narrow.span)
                keep(frames.next(into: &frame) ? 1 : 0)
            }
        },
        Benchmark("frames.output") {
            var framer = OutputFramer(sampleRate: 24_000, milliseconds: 20)
            return { framer.append(wide.span) { keep($0.count) } }
        },
        Benchmark("frames.output.across") {
            var framer = OutputFramer(sampleRate: 24_000, milliseconds: 60)
            return { framer.append(wide.span) { keep($0.count) } }
        },
        Benchmark("sound.level") { { keep(SoundLevel.rootMeanSquare(wide.span)) } },
        Benchmark("sound.mix.2") {
            var mixer = Mixer()
            var mixed: [Int16] = []
            return {
                mixer.begin(count: wide.count)
                mixer.add(wide.span)
                mixer.add(wide.span)
                mixer.finish(into: &mixed)
                keep(Int(mixed[7]))
            }
        },
        Benchmark("pacer.frame") {
            let limits = Limits()
            var pacer = UplinkPacer(limits: limits, now: .zero)
            pacer.release()
            var now = Instant.zero
            return {
                now += .milliseconds(20)
                pacer.noteArrival()
                while true {
                    guard case .frame = pacer.next(head: 960, now: now) else { break }
                }
            }
        },
        Benchmark("opus.encode", operations: 500, prepare: opusEncode),
        Benchmark("opus.decode", operations: 500, prepare: opusDecode),
    ]
}

/// libopus alone, with the gateway's settings: what a session cannot cost less than.
private func opusEncode(total: Int) throws -> (Int) -> Void {
    let encoder = try OpusEncoder(sampleRate: 16_000, channels: 1)
    let sound = TestSound.voice(sampleRate: 16_000, milliseconds: total * 20)
    var packet = [UInt8](repeating: 0, count: 1500)
    var next = 0
    return { times in
        for _ in 0..<times {
            var room = packet.mutableSpan
            let length = try? encoder.encode(sound.span.extracting(next * 320..<next * 320 + 320), into: &room)
            keep(length ?? 0)
            next += 1
        }
    }
}

private func opusDecode(total: Int) throws -> (Int) -> Void {
    let packets = try OpusPackets(sampleRate: 24_000, count: total)
    let decoder = try OpusDecoder(sampleRate: 24_000, channels: 1)
    var output = [Int16](repeating: 0, count: 2880)
    var next = 0
    return { times in
        for _ in 0..<times {
            packets.with(next) { packet in
                var room = output.mutableSpan
                keep((try? decoder.decode(packet, into: &room)) ?? 0)
            }
            next += 1
        }
    }
}

/// Encoded sound, a packet for each 20 ms.
struct OpusPackets {
    private var packets: [[UInt8]] = []

    init(sampleRate: Int, count: Int) throws {
        var configuration = OpusEncoder.Configuration()
        configuration.usesDTX = false
        let encoder = try OpusEncoder(sampleRate: sampleRate, channels: 1, configuration: configuration)
        let sound = TestSound.voice(sampleRate: sampleRate, milliseconds: count * 20)
        let frame = sampleRate / 50
        var buffer = [UInt8](repeating: 0, count: 1500)
        for index in 0..<count {
            var room = buffer.mutableSpan
            let length = try encoder.encode(sound.span.extracting(index * frame..<(index + 1) * frame), into: &room)
            packets.append(Array(buffer[..<length]))
        }
    }

    func with(_ index: Int, _ body: (RawSpan) -> Void) {
        let packet = packets[index]
        body(packet.span.bytes)
    }
}
