import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("Calls of methods")
struct MethodCallTests {
    private func call(_ harness: Harness, _ method: String) {
        harness.room.openCalls.insert("c1")
        harness.room.emit(
            .called(MethodCall(id: "c1", caller: "agent", method: method, payload: "p", timeout: .seconds(8))))
    }

    @Test("an agent calls a method that the client has named, and gets the client's answer once")
    func calledByTheAgent() throws {
        let harness = try Harness("methods=look")
        harness.room.welcome()
        call(harness, "look")
        #expect(harness.client.events("rpc").map { $0["id"]?.string } == ["c1"])
        harness.send(text: #"{"type":"rpc_result","id":"c1","payload":"a cat"}"#)
        #expect(harness.room.outcomes["c1"] == .success("a cat"))
        harness.send(text: #"{"type":"rpc_result","id":"c1","payload":"a dog"}"#)
        #expect(harness.room.outcomes["c1"] == .success("a cat"))
        #expect(harness.client.events("error").map { $0["code"]?.string } == ["undelivered"])
    }

    @Test("a method that the client does not have is refused without asking it")
    func unknownMethod() throws {
        let harness = try Harness("methods=look")
        harness.room.welcome()
        call(harness, "listen")
        #expect(harness.client.events("rpc").isEmpty)
        #expect(harness.room.outcomes["c1"] == .failure(.unsupported))
    }

    @Test("a client calls the agent, and is told how the call ends; without an agent that there is none")
    func calledByTheClient() throws {
        let harness = try Harness()
        let message = #"{"type":"rpc","id":"7","method":"remember","payload":"milk","timeout_ms":3000}"#
        harness.send(text: message)
        #expect(harness.client.events("rpc_error").map { $0["code"]?.integer } == [1401])
        harness.room.welcome()
        harness.send(text: message)
        #expect(harness.room.clientCalls.map(\.identity) == ["agent-1"])
        #expect(
            harness.room.clientCalls.map(\.0)
                == [MethodCall(id: "7", method: "remember", payload: "milk", timeout: .seconds(3))])
        harness.room.emit(.callEnded(id: "7", .success("done")))
        #expect(harness.client.events("rpc_result").map { $0["payload"]?.string } == ["done"])
    }
}
