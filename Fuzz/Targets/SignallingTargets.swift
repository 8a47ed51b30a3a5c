internal import HTTP
internal import Signalling
internal import TestSupport
internal import Wire

/// What LiveKit's servers and clients send for signalling, in both encodings.
enum SignallingTargets {
    private static let types: [any ProtobufMessage.Type] = [
        SignalResponse.self, SignalRequest.self, DataPacket.self, JoinRequest.self, WorkerMessage.self,
        ServerMessage.self, CreateRoomRequest.self, ListParticipantsResponse.self, CreateAgentDispatchRequest.self,
        SendDataRequest.self, UpdateParticipantRequest.self, RoomConfiguration.self, AgentSessionMessage.self,
    ]

    /// The first byte chooses the message.
    static func protobuf(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let type = types[Int(input.byte()) % types.count]
        roundTrip(type, input.remaining())
    }

    private static func roundTrip<Message: ProtobufMessage>(_ type: Message.Type, _ bytes: [UInt8]) {
        guard let message = try? Message(decoding: bytes) else { return }
        let encoded = message.encoded()
        guard let again = try? Message(decoding: encoded) else {
            fatalError("a message that was encoded cannot be read")
        }
        // Compared as bytes: numbers that are no number equal nothing.
        check(again.encoded() == encoded, "a message changes when it is encoded")
        for style in [ProtobufJSONStyle.serverAnswer, .compact] {
            let json = message.json(style)
            do {
                _ = try Message(json: JSONValue(parsing: json.serializedBytes()))
            } catch {
                check(error is JSONError, "JSON that was written cannot be read: \(error)")
            }
        }
    }

    static func json(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let type = types[Int(input.byte()) % types.count]
        let body = input.remaining()
        readJSON(type, body)
        _ = TwirpError(status: 400, body: body)
    }

    private static func readJSON<Message: ProtobufMessage>(_ type: Message.Type, _ bytes: [UInt8]) {
        guard let message = try? TwirpEncoding.json.decode(type, bytes) else { return }
        let encoded = message.encoded()
        check((try? Message(decoding: encoded))?.encoded() == encoded, "a message from JSON changes when it is encoded")
    }

    static func joinParameters(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        let query = QueryString(text)
        _ = query.encoded
        let request = JoinParameters.decode(query)
        _ = JoinParameters.decode(QueryString(String(JoinParameters.pathV0(request).dropFirst(5))))
        if let request = try? JoinParameters.decode(text) { _ = JoinParameters.pathV1(request) }
        if let candidate = CandidateInit(json: text) {
            check(CandidateInit(json: candidate.json) != nil, "a candidate that was written cannot be read")
        }
    }

    /// The parts of a token are written plainly, separated by line feeds, and encoded here: nobody guesses base64.
    static func accessToken(_ input: [UInt8]) {
        read(String(decoding: input, as: UTF8.self))
        _ = TokenRedaction.withoutTokens(String(decoding: input, as: UTF8.self))
        let parts = input.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false)
        read(parts.map { Base64.encode(Array($0), .urlSafeUnpadded) }.joined(separator: "."))
        // A signature that is right, as anybody has who owns a key.
        let signed = parts.prefix(2).map { Base64.encode(Array($0), .urlSafeUnpadded) }.joined(separator: ".")
        let signature = authentication.hmacSHA256([], Array(signed.utf8))
        read(signed + "." + Base64.encode(signature, .urlSafeUnpadded))
    }

    private static let authentication = MessageAuthentication(
        hmacSHA1: { _, _ in [UInt8](repeating: 1, count: 20) },
        hmacSHA256: { _, message in [UInt8](repeating: UInt8(truncatingIfNeeded: message.count), count: 32) })

    private static func read(_ text: String) {
        _ = try? AccessToken(verifying: text, now: 1_800_000_000, authentication) { $0.isEmpty ? nil : "secret" }
        guard let token = try? AccessToken(unverified: text) else { return }
        let written = token.signed(secret: "secret", authentication)
        guard let again = try? AccessToken(unverified: written) else {
            fatalError("a token that was signed cannot be read")
        }
        check(again.video == token.video && again.identity == token.identity, "a token changes when it is signed")
    }

    static func addresses(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        if let address = IPAddress(text) { check(IPAddress(address.description) == address, "an address changes") }
        if let url = try? HTTPURL(base: text) {
            check((try? HTTPURL(base: url.webSocketText)) == url, "a URL changes when it is written")
        }
    }
}
