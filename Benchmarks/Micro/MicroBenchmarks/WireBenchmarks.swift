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

/// 20 ms of sound as a dialect gives them to its client.
private func soundBenchmark(_ type: any ClientDialect.Type) -> Benchmark {
    Benchmark("dialect.\(type.descriptor.name).sound.20ms") {
        let format = type.descriptor.defaults.output
        let sound = [UInt8](repeating: 0x5A, count: format.sampleRate / 50 * (format.bytesPerSampleFrame ?? 1))
        var dialect = type.init(type.descriptor.defaults, limits: RecordingLimits())
        let delivery = dialect.delivery
        var message: [UInt8] = []
        return {
            message.removeAll(keepingCapacity: true)
            dialect.encode(sound: sound.span, as: delivery, into: &message)
            keep(message.count)
        }
    }
}
