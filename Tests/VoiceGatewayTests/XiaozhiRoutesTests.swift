import ClientProtocol
import Glibc
import HTTP
import Testing
import Wire

@testable import VoiceGateway

@Suite("Where xiaozhi devices ask where to connect")
struct XiaozhiRoutesTests {
    private let device = [("Device-Id", "00:22:44:66:88:00"), ("Client-Id", "c"), ("Host", "voice.test")]
    private let body = #"{"application":{"version":"2.0.5"},"board":{"type":"box","name":"my box"}}"#

    @Test("a device is told the address, and its own version so that it installs nothing")
    func provision() throws {
        let stage = HTTPStage()
        for path in ["/xiaozhi/ota", "/xiaozhi/ota/"] {
            let answer = try stage.send(.post, path, body, headers: device)
            #expect(answer.status == 200)
            #expect(
                answer.json["websocket"] == ["url": "ws://voice.test/xiaozhi/v1/", "token": "", "version": 1])
            #expect(answer.json["firmware"] == ["version": "2.0.5", "url": ""])
            #expect(answer.json["server_time"]?["timestamp"]?.integer != nil)
            #expect(answer.json["activation"] == nil && answer.json["mqtt"] == nil)
            #expect(try stage.send(.get, path).status == 200)
        }
    }

    @Test("who does not say who it is gets the answer of the self-hosted server")
    func nobody() throws {
        let answer = try HTTPStage().send(.post, "/xiaozhi/ota/", body)
        #expect(answer.status == 200 && answer.json == ["success": false, "message": "request error."])
        #expect(try HTTPStage().send(.post, "/xiaozhi/ota/activate", "{}").status == 202)
        #expect(try HTTPStage().send(.post, "/xiaozhi/ota/activate", "[]").status == 400)
    }

    @Test("a device waits with a code until the operator approves it")
    func pairing() throws {
        let path = "/tmp/pairing-\(UInt64.random(in: 0...UInt64.max))"
        // SAFETY: the path is read during the call only.
        defer { _ = unsafe unlink(path) }
        let stage = HTTPStage(operations: FakeOperations()) { $0.devices.listPath = path }
        let code = try #require(
            try stage.send(.post, "/xiaozhi/ota/", body, headers: device).json["activation"]?["code"]?.string)
        #expect(try stage.send(.post, "/xiaozhi/ota/activate", "{}", headers: device).status == 202)
        let key = [("Authorization", "Bearer \(HTTPStage.operatorKey)")]
        #expect(try stage.send(.get, "/admin/xiaozhi/pairings").status == 403)
        let waiting = try stage.send(.get, "/admin/xiaozhi/pairings", headers: key).json["pairings"]?[0]
        #expect(waiting?["code"]?.string == code && waiting?["board"] == "my box")
        #expect(try stage.send(.post, "/admin/xiaozhi/pairings/1", headers: key).status == 404)
        #expect(try stage.send(.post, "/admin/xiaozhi/pairings/\(code)", #"{"id":"x"}"#, headers: key).status == 400)
        let approved = try stage.send(.post, "/admin/xiaozhi/pairings/\(code)", #"{"agent":"cook"}"#, headers: key)
        #expect(approved.status == 200 && approved.json["agent"] == "cook")
        #expect(try stage.send(.post, "/xiaozhi/ota/activate", "{}", headers: device).status == 200)
        let answer = try stage.send(.post, "/xiaozhi/ota/", body, headers: device)
        #expect(answer.json["activation"] == nil && answer.json["websocket"]?["token"]?.string?.isEmpty == false)
    }
}
