import EventLoops
import HTTP
import HTTPClient
import LiveKitParticipant
import NetworkTestSupport
import SecureTransport
import Signalling
import Testing
import Wire

/// A scripted server and the API that talks to it, on one loop.
private actor APIBench: LoopBench {
    private let loop: EventLoop
    private var server: ScriptedServer! = nil
    private var client: HTTPClient! = nil
    private var api: ServerAPI! = nil

    init(loop: EventLoop) { self.loop = loop }

    // SAFETY: the memory is used during the call only.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func open(answer: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Answer) throws {
        server = try ScriptedServer(loop: loop, answer: answer)
        client = HTTPClient(loop: loop, authorities: nil)
        let address = try HTTPURL(base: server.url.replacing("http://", with: "ws://") + "/prefix/")
        api = ServerAPI(
            client: client, server: address, key: "the-key", secret: "the-secret", authentication: .openSSL
        ) { 1_700_000_000 }
    }

    func close() {
        client?.close()
        server?.close()
    }

    func send<Response>(_ call: ServerCall<Response>) async throws(ServerAPIError) -> Response {
        try await api.send(call)
    }

    func error(of call: ServerCall<some ProtobufMessage>) async -> ServerAPIError? {
        do throws(ServerAPIError) {
            _ = try await api.send(call)
            return nil
        } catch {
            return error
        }
    }

    func stopListening() { server.listener.close() }

    var requests: [ScriptedServer.Request] { server.requests }
}

private func answer(_ message: some ProtobufMessage) -> ScriptedServer.Answer {
    // Test messages hold ASCII alone, so their bytes are text.
    .send(ok(String(decoding: message.encoded(), as: UTF8.self), "Content-Type: application/protobuf\r\n"))
}

private func refusal(_ status: Int, _ body: String) -> ScriptedServer.Answer {
    .send("HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
}

@Suite("Server API", .timeLimit(.minutes(1)))
struct ServerAPITests {
    /// Path, grant and body of the only request.
    private func onlyRequest(_ bench: APIBench) async throws -> (path: String, token: AccessToken, body: [UInt8]) {
        let request = try #require(await bench.requests.first)
        let lines = request.head.split(separator: "\r\n")
        let bearer = try #require(lines.first { $0.hasPrefix("Authorization: Bearer ") })
        #expect(lines.contains("Content-Type: application/protobuf"))
        let token = try AccessToken(verifying: String(bearer.dropFirst(22)), now: 1_700_000_000, .openSSL) {
            $0 == "the-key" ? "the-secret" : nil
        }
        return (String(lines[0].split(separator: " ")[1]), token, Array(request.body.utf8))
    }

    @Test("a room is created with the right to create rooms and no other")
    func createRoom() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in answer(RoomInfo.with { $0.name = "lobby" }) }
            let room = try await bench.send(.createRoom(.with { $0.name = "lobby" }))
            #expect(room.name == "lobby")
            let seen = try await onlyRequest(bench)
            #expect(seen.path == "/prefix/twirp/livekit.RoomService/CreateRoom")
            #expect(seen.token.video == .with { $0.roomCreate = true })
            #expect(seen.token.identity.isEmpty)
            #expect(seen.token.expiresAt == 1_700_000_300)
            let body = try CreateRoomRequest(decoding: seen.body)
            #expect(body == .with { $0.name = "lobby" })
        }
    }

    @Test("a room is deleted with the right to create rooms")
    func deleteRoom() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in answer(DeleteRoomResponse()) }
            _ = try await bench.send(.deleteRoom("lobby"))
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.RoomService/DeleteRoom"))
            #expect(seen.token.video == .with { $0.roomCreate = true })
            let body = try DeleteRoomRequest(decoding: seen.body)
            #expect(body.room == "lobby")
        }
    }

    static let administration = VideoGrant.with {
        $0.roomAdmin = true
        $0.room = "lobby"
    }

    @Test("participants are listed with the right over that room")
    func listParticipants() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in
                answer(ListParticipantsResponse.with { $0.participants = [.with { $0.identity = "ann" }] })
            }
            let list = try await bench.send(.listParticipants(in: "lobby"))
            #expect(list.participants.map(\.identity) == ["ann"])
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.RoomService/ListParticipants"))
            #expect(seen.token.video == Self.administration)
        }
    }

    @Test("a participant is removed with the right over that room")
    func removeParticipant() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in answer(RemoveParticipantResponse()) }
            _ = try await bench.send(.removeParticipant("ann", from: "lobby"))
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.RoomService/RemoveParticipant"))
            #expect(seen.token.video == Self.administration)
            let body = try RoomParticipantIdentity(decoding: seen.body)
            #expect(body.room == "lobby" && body.identity == "ann")
        }
    }

    @Test("data is sent with the right over that room")
    func sendData() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in answer(SendDataResponse()) }
            let request = SendDataRequest.with {
                $0.room = "lobby"
                $0.data = Array("hi".utf8)
                $0.topic = "t"
                $0.destinationIdentities = ["ann"]
            }
            _ = try await bench.send(.sendData(request))
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.RoomService/SendData"))
            #expect(seen.token.video == Self.administration)
            let body = try SendDataRequest(decoding: seen.body)
            #expect(body == request)
        }
    }

    @Test("an agent is dispatched with the right over that room")
    func createDispatch() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in answer(AgentDispatch.with { $0.id = "AD_1" }) }
            let request = CreateAgentDispatchRequest.with {
                $0.room = "lobby"
                $0.agentName = "parrot"
                $0.metadata = "{}"
            }
            let dispatch = try await bench.send(.createDispatch(request))
            #expect(dispatch.id == "AD_1")
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.AgentDispatchService/CreateDispatch"))
            #expect(seen.token.video == Self.administration)
            let body = try CreateAgentDispatchRequest(decoding: seen.body)
            #expect(body == request)
        }
    }

    @Test("dispatches are listed and deleted with the right over that room")
    func otherDispatchCalls() async throws {
        try await APIBench.run { bench in
            try await bench.open { request in
                request.head.contains("ListDispatch")
                    ? answer(ListAgentDispatchResponse.with { $0.agentDispatches = [.with { $0.id = "AD_1" }] })
                    : answer(AgentDispatch.with { $0.id = "AD_1" })
            }
            let list = try await bench.send(.listDispatch(in: "lobby"))
            #expect(list.agentDispatches.map(\.id) == ["AD_1"])
            let deleted = try await bench.send(.deleteDispatch("AD_1", from: "lobby"))
            #expect(deleted.id == "AD_1")
            let seen = try await onlyRequest(bench)
            #expect(seen.path.hasSuffix("livekit.AgentDispatchService/ListDispatch"))
            #expect(seen.token.video == Self.administration)
            let last = await bench.requests.last
            #expect(last?.head.contains("livekit.AgentDispatchService/DeleteDispatch") == true)
        }
    }

    @Test(
        "a refusal keeps its code, and says who is to blame and whether a retry helps",
        arguments: [
            (404, "not_found", Blame.room, false), (401, "unauthenticated", .operator, false),
            (400, "invalid_argument", .gateway, false), (503, "unavailable", .room, true),
            (429, "resource_exhausted", .room, true), (404, "bad_route", .operator, false),
        ])
    func refusals(status: Int, code: String, blame: Blame, isRetryable: Bool) async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in refusal(status, "{\"code\":\"\(code)\",\"msg\":\"because\"}") }
            let error = try #require(await bench.error(of: .deleteRoom("lobby")))
            #expect(error.code?.rawValue == code)
            #expect(error.blame == blame)
            #expect(error.isRetryable == isRetryable)
            #expect(error.description == "LiveKit refused DeleteRoom (\(code)): because")
        }
    }

    @Test("something else than LiveKit at that address is noticed")
    func somethingElse() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in .send(ok("<html>", "Content-Type: text/html\r\n")) }
            let page = await bench.error(of: .deleteRoom("lobby"))
            #expect(page == .undecodable(method: "DeleteRoom", reason: "the content type is text/html"))
        }
        try await APIBench.run { bench in
            try await bench.open { _ in .send(ok("\u{1}\u{2}", "Content-Type: application/protobuf\r\n")) }
            let noise = await bench.error(of: .createRoom(.with { $0.name = "x" }))
            #expect(noise?.blame == .room && noise?.isRetryable == false)
        }
    }

    @Test("a server that is not there is the room's fault, and a retry helps")
    func unreachable() async throws {
        try await APIBench.run { bench in
            try await bench.open { _ in .ignore }
            await bench.stopListening()
            let error = await bench.error(of: .deleteRoom("lobby"))
            #expect(error?.blame == .room && error?.isRetryable == true && error?.code == nil)
        }
    }
}
