internal import ClientProtocol
internal import Wire

/// What clients of the gateway send.
enum ClientTargets {
    /// Messages of one connection, separated by 0xFF, which no JSON text holds; one that begins with `!` is binary as
    /// well. A space at the very beginning stands for the other events.
    static func dialect(_ type: any ClientDialect.Type, _ input: [UInt8]) {
        var limits = RecordingLimits()
        limits.maximumMessageBytes = 1 << 20
        limits.maximumRecordingBytes = 2 << 20
        var parameters = type.descriptor.defaults
        if input.first == 0x20 { parameters.events = parameters.events == .legacy ? .extended : .legacy }
        var dialect = type.init(parameters, limits: limits)
        var sound: [UInt8] = []
        for message in input.split(separator: 0xFF).map(Array.init) {
            _ = dialect.introduction(in: message)
            var outputs = dialect.decode(text: message)
            outputs += dialect.decode(large: inPieces(message))
            if message.first == 0x21 {
                let binary = dialect.decode(binary: message.span)
                check((0...message.count).contains(binary.sound.upperBound), "sound beyond the message")
                check(binary.sound.lowerBound >= 0, "sound before the message")
                outputs += binary.outputs
            }
            sound.removeAll(keepingCapacity: true)
            let delivery = dialect.delivery
            dialect.encode(sound: message.span, as: delivery, into: &sound)
            if delivery.wrapping == .text, !sound.isEmpty {
                written([.text(String(decoding: sound, as: UTF8.self))])
            }
            for output in outputs {
                switch output {
                case .reply(let event): written(dialect.encode(event))
                case .send(let frame): written([frame])
                case .event(.configure(let object)):
                    try? parameters.apply(configuration: object)
                    dialect.adopt(parameters)
                    _ = dialect.delivery.bytesPerSecond
                case .event(.text(let text)):
                    // What the client says comes back to it through the room.
                    let transcript = Transcript(
                        role: .user, content: text, isFinal: true, segmentID: "s", participant: "p", source: .room)
                    written(dialect.encode(.transcript(transcript)))
                case .event(.data(let topic, let payload)):
                    written(dialect.encode(.data(ApplicationData(topic: topic, sender: topic, payload: payload))))
                case .event: break
                }
            }
        }
    }

    /// The message as a large one is read, in pieces of other lengths each time.
    private static func inPieces(_ message: [UInt8]) -> LargeMessage {
        var reader = LargeMessageReader(expecting: message.count)
        var start = 0
        while start < message.count {
            let end = min(message.count, start + 1 + Int(message[start]) % 7)
            reader.append(Array(message[start..<end]).span.bytes)
            start = end
        }
        return reader.finish()
    }

    private static func written(_ frames: [ClientFrame]) {
        for frame in frames {
            guard case .text(let text) = frame else { continue }
            check((try? JSONValue(parsing: text)) != nil, "a message to the client is no JSON: \(text)")
        }
    }

    /// Binary frames of each input format.
    static func binaryAudio(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let choice = input.byte()
        let encoding = AudioEncoding.allCases[Int(choice) % AudioEncoding.allCases.count]
        let format = AudioFormat(encoding: encoding, sampleRate: 48_000, channels: choice & 0x80 == 0 ? 1 : 2)
        guard var decoder = SampleDecoder(format: format) else {
            for piece in input.pieces() { _ = OpusFrames.split(piece, maximumSize: 1275) }
            return
        }
        var assembler = FrameAssembler(sampleRate: 48_000, limit: 4800)
        var samples: [Int16] = []
        var frame: [Int16] = []
        var bytes = 0
        for piece in input.pieces() {
            bytes += piece.count
            let before = samples.count
            decoder.append(piece.span.bytes, to: &samples)
            assembler.append(Array(samples[before...]).span)
            while assembler.next(into: &frame) { check(frame.count == 960, "a frame has another length") }
        }
        _ = assembler.flush(into: &frame)
        let frameSize = format.bytesPerSampleFrame ?? 1
        check(samples.count == bytes / frameSize, "samples were lost or made up")
        check(decoder.pendingByteCount == bytes % frameSize, "bytes of a sample were lost")
    }

    /// A query, and after a line feed the data of a config message.
    static func sessionParameters(_ input: [UInt8]) {
        let parts = input.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        for dialect in ClientDialects.descriptors {
            var parameters = dialect.defaults
            let query = String(decoding: parts.first ?? [], as: UTF8.self)
            do throws(InvalidParameter) {
                try parameters.apply(query: QueryString(query).pairs)
            } catch {
                _ = error.clientError.message
            }
            if parts.count == 2, let object = try? JSONValue(parsing: Array(parts[1])).object {
                do throws(InvalidParameter) {
                    try parameters.apply(configuration: object)
                } catch {
                    _ = error.clientError.message
                }
            }
            check(AudioFormat.sampleRates.contains(parameters.input.sampleRate), "a rate that is not allowed")
        }
        let text = String(decoding: input, as: UTF8.self)
        if let origins = try? OriginAllowList(setting: text) { _ = origins.allows(text) }
        _ = OriginAllowList.all.allows(text)
        let keys = APIKeys(setting: text)
        _ = keys.check(text)
    }
}
