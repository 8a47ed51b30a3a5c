internal import ClientProtocol
internal import Wire

/// Base64 and JSON, as clients of the older protocols get them.
var wireBenchmarks: [Benchmark] {
    let frame = [UInt8](repeating: 0x5A, count: 960)
    let base64 = Array(Base64.encode(frame).utf8)
    let audioMessage = Array(#"{"type":"audio","data":""#.utf8) + base64 + Array(#""}"#.utf8)
    let event = Array(
        #"{"type":"config","instructions":"Speak slowly.","voice":"clara","turn":{"silence_ms":500,"server":true}}"#
            .utf8)
    let parsedEvent = try? JSONValue(parsing: event)
    return [
        Benchmark("wire.base64.encode.960B") {
            var text: [UInt8] = []
            return {
                text.removeAll(keepingCapacity: true)
                Base64.append(frame, to: &text)
                keep(text.count)
            }
        },
        Benchmark("wire.base64.decode.960B") { { keep(Base64.decode(utf8: base64)?.count ?? 0) } },
        Benchmark("wire.json.parse.event") { { keep((try? JSONValue(parsing: event)) == nil ? 0 : 1) } },
        Benchmark("wire.json.write.event") { { keep(parsedEvent?.serializedBytes().count ?? 0) } },
        Benchmark("wire.json.parse.audio.960B") { { keep((try? JSONValue(parsing: audioMessage)) == nil ? 0 : 1) } },
        Benchmark("dialect.legacy.audio.read.960B") {
            var dialect = LegacyVocabulary()
            return { keep(dialect.decode(text: audioMessage).count) }
        },
    ] + ClientDialects.all.map(soundBenchmark)
}

/// What a call begins with, of carriers that get no sound before.
private let callOpenings = [
    "twilio": #"{"event":"start","start":{"streamSid":"MZ00000000000000000000000000000001"}}"#,
    "telnyx": #"{"event":"start","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC","start":{}}"#,
    "plivo": #"{"event":"start","start":{"streamId":"b0ffee00-0000-4000-8000-000000000001"}}"#,
    "exotel": #"{"event":"start","start":{"stream_sid":"MZ00000000000000000000000000000001"}}"#,
    "awaaz": #"{"event":"start","start":{"stream_sid":"MZ00000000000000000000000000000001"}}"#,
    "vonage": #"{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}"#,
]

/// 20 ms of sound as a dialect gives them to its client.
private func soundBenchmark(_ type: any ClientDialect.Type) -> Benchmark {
    Benchmark("dialect.\(type.descriptor.name).sound.20ms") {
        let format = type.descriptor.defaults.output
        let sound = [UInt8](repeating: 0x5A, count: format.sampleRate / 50 * (format.bytesPerSampleFrame ?? 1))
        var dialect = type.init(type.descriptor.defaults, limits: RecordingLimits())
        if let opening = callOpenings[type.descriptor.name] { keep(dialect.decode(text: Array(opening.utf8)).count) }
        // Some dialects have sound in a reply only.
        keep(dialect.encode(.replyStarted).count)
        let delivery = dialect.delivery
        var message: [UInt8] = []
        return {
            message.removeAll(keepingCapacity: true)
            dialect.encode(sound: sound.span, as: delivery, into: &message)
            keep(message.count)
        }
    }
}
