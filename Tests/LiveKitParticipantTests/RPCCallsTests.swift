import LiveKitParticipant
import Signalling
import Testing
import Wire

@Suite struct RPCCallsTests {
    static func drain(_ calls: inout RPCCalls) -> [RPCCalls.Output] {
        var outputs: [RPCCalls.Output] = []
        while let output = calls.poll() { outputs.append(output) }
        return outputs
    }

    static func sent(_ outputs: [RPCCalls.Output]) -> [DataPacket] {
        outputs.compactMap { if case .send(let packet) = $0 { packet } else { nil } }
    }

    static func error(_ outputs: [RPCCalls.Output]) -> UInt32? {
        for case .finished(_, .failure(let error)) in outputs { return error.code }
        return nil
    }

    @Test("a call goes through to its answer")
    func success() throws {
        var caller = RPCCalls()
        var callee = RPCCalls()
        caller.call(id: "1", recipient: "b", method: "add", payload: "1 2", timeout: .seconds(15), now: .zero)
        let request = try #require(Self.sent(Self.drain(&caller)).first)
        guard case .rpcRequest(let content) = request.value else { return #expect(Bool(false), "no request") }
        #expect(request.destinationIdentities == ["b"] && content.version == 1 && content.responseTimeoutMs == 8000)
        callee.handle(content, from: "a", now: .zero)
        let outputs = Self.drain(&callee)
        #expect(Self.sent(outputs).first?.value == .rpcAck(.with { $0.requestId = "1" }))
        let invocation = RPCInvocation(
            id: "1", callerIdentity: "a", method: "add", payload: "1 2", timeout: .seconds(8))
        #expect(outputs.last == .invoked(invocation))
        caller.handle(RpcAck.with { $0.requestId = "1" })
        callee.respond(id: "1", .success("3"))
        let answer = try #require(Self.sent(Self.drain(&callee)).first)
        #expect(answer.destinationIdentities == ["a"])
        if case .rpcResponse(let response) = answer.value { caller.handle(response) }
        #expect(Self.drain(&caller) == [.finished(id: "1", .success("3"))])
        #expect(caller.nextDeadline == nil && callee.nextDeadline == nil)
    }

    @Test("without an acknowledgement a call fails after seven seconds, without an answer at its timeout")
    func timeouts() {
        var calls = RPCCalls()
        calls.call(id: "1", recipient: "b", method: "m", payload: "", timeout: .seconds(15), now: .zero)
        calls.call(id: "2", recipient: "b", method: "m", payload: "", timeout: .seconds(15), now: .zero)
        calls.handle(RpcAck.with { $0.requestId = "2" })
        _ = Self.drain(&calls)
        #expect(calls.nextDeadline == .zero + .seconds(7))
        calls.handleTimeout(now: .zero + .seconds(7))
        #expect(Self.error(Self.drain(&calls)) == 1501)
        #expect(calls.nextDeadline == .zero + .seconds(15))
        calls.handleTimeout(now: .zero + .seconds(15))
        #expect(Self.error(Self.drain(&calls)) == 1502)
        #expect(calls.nextDeadline == nil)
    }

    @Test("payloads, versions, partings and ends are answered with LiveKit's codes")
    func codes() {
        var calls = RPCCalls()
        let large = String(repeating: "x", count: RPCCalls.maximumPayloadBytes + 1)
        calls.call(id: "1", recipient: "b", method: "m", payload: large, timeout: .seconds(1), now: .zero)
        #expect(Self.error(Self.drain(&calls)) == 1402)
        calls.call(id: "2", recipient: "b", method: "m", payload: "", timeout: .seconds(1), now: .zero)
        calls.participantLeft(identity: "b")
        #expect(Self.error(Self.drain(&calls)) == 1503)
        calls.call(id: "3", recipient: "b", method: "m", payload: "", timeout: .seconds(1), now: .zero)
        calls.closed()
        #expect(Self.error(Self.drain(&calls)) == 1505)
        func answer(_ outputs: [RPCCalls.Output]) -> UInt32? {
            for packet in Self.sent(outputs) {
                if case .rpcResponse(let response) = packet.value, case .error(let error) = response.value {
                    return error.code
                }
            }
            return nil
        }
        calls.handle(
            RpcRequest.with {
                $0.id = "4"
                $0.version = 2
            }, from: "a", now: .zero)
        #expect(answer(Self.drain(&calls)) == 1404)
        calls.handle(
            RpcRequest.with {
                $0.id = "5"
                $0.version = 1
                $0.responseTimeoutMs = 1000
            }, from: "a", now: .zero)
        calls.respond(id: "5", .success(large))
        #expect(answer(Self.drain(&calls)) == 1504)
    }

    @Test("answers that come twice, late or to nobody are dropped")
    func strayAnswers() {
        var calls = RPCCalls()
        calls.handle(RpcResponse.with { $0.requestId = "x" })
        calls.respond(id: "x", .success(""))
        #expect(Self.drain(&calls).isEmpty)
    }
}
