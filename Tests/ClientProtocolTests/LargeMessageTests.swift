import CostTestSupport
import TestSupport
import Testing
import Wire

@testable import ClientProtocol

@Suite("Large messages are read in pieces")
struct LargeMessageTests {
    private func large(_ text: [UInt8], pieces: [Int]) -> LargeMessage {
        var reader = LargeMessageReader()
        for piece in cut(text, pieces) { reader.append(piece.span.bytes) }
        return reader.finish()
    }

    private static let file = Base64.encode(wavFile(samples: 300))

    static let messages = [
        #"{"type":"audio","data":"\#(file)"}"#,
        #" { "data" : "\#(file)" , "format" : "wav", "type" : "audio" } "#,
        #"{"type":"audio","data":"data:audio/wav;base64,\#(file)"}"#,
        #"{"type":"audio","data":"\#(file.replacing("/", with: "\\/"))"}"#,
        #"{"type":"audio","data":"\#(file.replacing("A", with: "\\u0041"))"}"#,
        #"{"type":"audio","data":"\#(file.prefix(76))\n\#(file.dropFirst(76))"}"#,
        #"{"type":"audio","data":""}"#,
        #"{"type":"audio","data":"!\#(file)"}"#,
        #"{"type":"audio","data":"\"\#(file)"}"#,
        #"{"type":"audio","data":"\u00e9"}"#,
        #"{"type":"audio","data":"AAAA","data":"\#(file)"}"#,
        #"{"type":"audio","data":"\#(file)","data":5}"#,
        #"{"type":"audio","data":["\#(file)"]}"#,
        #"{"type":"audio","inner":{"data":"\#(file)"}}"#,
        #"{"type":"audio","inner":{"a":1},"data":"\#(file)"}"#,
        #"["data","\#(file)"]"#,
        #""data""#,
        #"{"type":"end_turn","data":"\#(file)"}"#,
        #"{"type":"config","data":{"data":"AAAA","events":"legacy"}}"#,
        #"{"type":"ping","data":"x","id":7}"#,
        #"{"type":"nothing that is known","data":"x"}"#,
        #"{"type":"audio","data":"\#(file)""#,
        #"{"type":"audio","data":"\#(file)"#,
        #"{"type":"audio","data":"AA\x"}"#,
        #"{"type":"audio","data":"AA\u00-1"}"#,
        "{\"type\":\"audio\",\"data\":\"AA\u{1}AA\"}",
        #"{"type":"audio","data":"\#(file)"]"#,
        #"{"type":"audio","data":"\#(file)"} x"#,
        #"{"type":"audio","data""\#(file)"}"#,
        #"{"type":"audio","data":"\#(file)","x":tru}"#,
        "",
    ]

    @Test(
        "a message in pieces is what it is as a whole, wherever it is cut", arguments: messages,
        [[1], [2, 3], [7, 1, 30], [100_000]])
    func pieces(text: String, pieces: [Int]) {
        let bytes = Array(text.utf8)
        for events in [EventVocabulary.legacy, .extended] {
            var whole = LegacyVocabulary(events: events)
            var split = whole
            #expect(split.decode(large: large(bytes, pieces: pieces)) == whole.decode(text: bytes))
        }
        // Only places in errors and the words around them are others in the vocabulary of devices.
        var whole = ExtendedVocabulary()
        var split = whole
        let (one, other) = (split.decode(large: large(bytes, pieces: pieces)), whole.decode(text: bytes))
        if case .reply(.error(let error)) = other.first, error.code == .invalidMessage {
            guard case .reply(.error(let own)) = one.first else { return #expect(one == other) }
            #expect(own.code == error.code)
        } else {
            #expect(one == other)
        }
    }

    @Test("what is large besides its sound is refused, and costs no memory")
    func withoutSound() {
        let limit = LargeMessageReader.maximumTextBytes
        for text in [
            #"{"type":"text","text":""# + String(repeating: "a", count: 2 * limit) + #"","data":"AAAA"}"#,
            #"{"type":"text","data":"AAAA","list":["# + String(repeating: "1,", count: limit) + "1]}",
            #"{""# + String(repeating: "a", count: 2 * limit) + #"":1}"#,
        ] {
            let bytes = Array(text.utf8)
            let message = large(bytes, pieces: [65_536])
            #expect(message.sound == nil)
            var vocabulary = LegacyVocabulary()
            #expect(
                vocabulary.decode(large: message) == [
                    .reply(
                        .error(
                            ClientError(
                                .invalidMessage,
                                "The message has \(bytes.count) bytes. Besides \"data\", at most \(limit) are accepted."
                            )))
                ])
        }
    }

    @Test("a dialect that has no large messages says how large they may be")
    func otherDialects() {
        var dialect = CarrierDialect<Twilio>(CarrierDialect<Twilio>.descriptor.defaults, limits: RecordingLimits())
        let outputs = dialect.decode(large: large(Array(Self.messages[0].utf8), pieces: [50]))
        #expect(outputs.count == 1)
        guard case .reply(.error(let error)) = outputs.first else { return #expect(outputs.isEmpty) }
        #expect(error.code == .invalidMessage && error.message.hasSuffix("At most 131072 are accepted."))
    }

    @Test(
        "a late piece of a large message costs what an early one does, and its end copies no sound",
        .enabled(if: Cost.isCounted), arguments: ["WAV", "WebM"])
    func budget(container: String) throws {
        let webM = try fixture("Containers/live.webm")
        let sound =
            container == "WAV"
            ? wavFile(samples: 1_000_000) : Array(repeatElement(webM, count: 2_000_000 / webM.count).joined())
        let text = Array(#"{"type":"audio","data":""#.utf8) + Array(Base64.encode(sound).utf8) + Array("\"}".utf8)
        var limits = RecordingLimits()
        limits.maximumUtterance = container == "WAV" ? .seconds(600) : .seconds(5)
        var vocabulary = LegacyVocabulary(limits: limits)
        var reader = LargeMessageReader(expecting: text.count)
        // The room for the sound is asked for with the first piece, and costs nothing before it is used.
        var costs: [Int] = []
        for start in stride(from: 0, to: text.count, by: 65_536) {
            let piece = Array(text[start..<min(text.count, start + 65_536)])
            costs.append(Cost.of { reader.append(piece.span.bytes) })
        }
        var outputs: [DialectOutput] = []
        let end = Cost.of { outputs = vocabulary.decode(large: reader.finish()) }
        #expect(outputs.count > 1)
        // A build for debugging copies small values byte by byte of the piece, but the same for each.
        #expect(costs[1...].allSatisfy { $0 <= costs[1] + 4 * 65_536 })
        #expect(end < sound.count)
    }
}
