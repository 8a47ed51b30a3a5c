import Testing
import Wire

@testable import ClientProtocol

@Suite("Client dialects")
struct ClientDialectTests {
    private func make(_ type: any ClientDialect.Type, _ query: String = "") throws -> any ClientDialect {
        var parameters = type.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        return type.init(parameters, limits: RecordingLimits())
    }

    @Test("names and paths are there once, and each path leads to its dialect")
    func registry() {
        let descriptors = ClientDialects.descriptors
        #expect(Set(descriptors.map(\.name)).count == descriptors.count)
        #expect(ClientDialects.paths.count == descriptors.reduce(0) { $0 + $1.paths.count })
        for (path, dialect) in ClientDialects.paths {
            #expect(dialect.descriptor.paths.contains(path) && path.hasPrefix("/"))
            #expect(ClientDialects.dialect(atEndOf: "/behind/a/proxy" + path).descriptor == dialect.descriptor)
        }
        #expect(ClientDialects.dialect(atEndOf: "/").descriptor == DeviceDialect.descriptor)
    }

    @Test("a new connection of any dialect is told nothing that it cannot parse", arguments: ClientDialects.descriptors)
    func opening(descriptor: DialectDescriptor) throws {
        let type = try #require(ClientDialects.paths[descriptor.paths[0]])
        var dialect = try make(type)
        let frames = dialect.encode(.ready) + dialect.encode(.replyFinished) + dialect.encode(.missingKey)
        for case .text(let text) in frames { #expect(try JSONValue(parsing: text).object != nil) }
        #expect(dialect.delivery.format == descriptor.defaults.output)
        #expect(dialect.closure(.shutdown, message: "bye").reason.utf8.count <= 123)
    }

    @Test("sound goes to devices as it is, and to old frontends as WAV files until they send bytes themselves")
    func delivery() throws {
        let bytes: [UInt8] = [1, 2, 3]
        var device = try make(DeviceDialect.self)
        #expect(device.delivery.wrapping == .bare && device.delivery.cutting == .frames(milliseconds: 20))
        #expect(device.decode(binary: bytes.span) == BinaryMessage(sound: 0..<3))
        let json = try make(DeviceDialect.self, "output_framing=json&frame_ms=40").delivery
        #expect(json.wrapping == .text && json.cutting == .frames(milliseconds: 40))
        var conversation = try make(ConversationDialect.self)
        #expect(conversation.delivery.wrapping == .text && conversation.delivery.cutting == .files(milliseconds: nil))
        let opus = try make(ConversationDialect.self, "output_encoding=opus").delivery
        #expect(opus.cutting == .frames(milliseconds: 20))
        #expect(conversation.decode(binary: bytes.span).sound == 0..<3)
        #expect(conversation.delivery.wrapping == .bare)
        #expect(try make(ConversationDialect.self, "output_framing=wav").delivery.cutting == .files(milliseconds: nil))
    }

    @Test("a config message may change the words and the delivery, and only who is told of sessions can come back")
    func adoption() throws {
        var device = try make(DeviceDialect.self, "events=legacy")
        #expect(!device.tellsSession && device.encode(.pong(id: nil)).isEmpty)
        #expect(device.closure(.roomUnavailable, message: "no answer").reason == "Service unavailable")
        var parameters = DeviceDialect.descriptor.defaults
        parameters.output.encoding = .mulaw
        device.adopt(parameters)
        #expect(device.tellsSession && !device.encode(.pong(id: nil)).isEmpty)
        #expect(device.delivery.format.encoding == .mulaw)
        #expect(device.closure(.roomUnavailable, message: "no answer").reason == "no answer")
    }

    @Test("who shows nothing in the handshake may do it by auth or config")
    func introductions() throws {
        for type in [DeviceDialect.self, ConversationDialect.self] as [any ClientDialect.Type] {
            let dialect = try make(type)
            func introduction(_ text: String) -> Introduction { dialect.introduction(in: Array(text.utf8)) }
            #expect(
                introduction(#"{"type":"auth","apiKey":"k"}"#) == .credential(.apiKey("k"), isForSession: false))
            #expect(
                introduction(#"{"type":"config","data":{"access_token":"t"}}"#)
                    == .credential(.accessToken("t"), isForSession: true))
            for text in [
                "", "[]", #"{"type":"text","data":"hi"}"#, #"{"type":"auth"}"#, #"{"type":"config","data":{}}"#,
                #"{"type":"config","data":{"access_token":""}}"#,
            ] {
                #expect(introduction(text) == .nothing, "\(text)")
            }
        }
    }

    @Test("a second of sound needs a third more as base64")
    func rates() throws {
        #expect(try make(DeviceDialect.self).delivery.bytesPerSecond == 48_000)
        #expect(try make(ConversationDialect.self).delivery.bytesPerSecond == 64_000)
    }
}
