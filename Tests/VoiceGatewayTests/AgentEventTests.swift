import ClientProtocol
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("What agents say about their sessions")
struct AgentEventTests {
    private func events(_ make: (inout AgentSessionEvent) -> Void) throws -> [AgentEvent] {
        let message = AgentSessionMessage.with { $0.event = AgentSessionEvent.with(make) }
        return AgentEvent.events(of: try #require(try AgentSessionMessage(decoding: message.encoded()).event))
    }

    @Test("what livekit-agents 1.8 has sent is understood")
    func captured() throws {
        // AgentSessionEvent with user_state_changed from listening to speaking, and created_at, by its own library.
        let bytes: [UInt8] = [0x1A, 0x0A, 0x0A, 0x04, 0x08, 0x01, 0x10, 0x02, 0x5A, 0x02, 0x08, 0x01]
        let event = try #require(try AgentSessionMessage(decoding: bytes).event)
        #expect(AgentEvent.events(of: event) == [.userState(.speaking)])
    }

    @Test("a turn is told with what was said of it, and what is no turn of either side is not")
    func items() throws {
        let item = { (role: Int32) in
            try events { event in
                event.conversationItemAdded = .with {
                    $0.item = .with {
                        $0.message = .with {
                            $0.id = "item_1"
                            $0.role = .init(rawValue: role)
                            $0.content = ["Once upon", "a time"].map { text in .with { $0.text = text } }
                            $0.interrupted = true
                        }
                    }
                }
            }
        }
        #expect(
            try item(3) == [.item(id: "item_1", role: .assistant, text: "Once upon\na time", isInterrupted: true)])
        #expect(try item(1).isEmpty && item(9).isEmpty)
        #expect(try events { $0.conversationItemAdded = .with { $0.item = .init() } }.isEmpty)
    }

    @Test("tools, interruptions that were none, and failures are told")
    func others() throws {
        #expect(
            try events {
                $0.toolExecutionUpdated = .with {
                    $0.started = .with {
                        $0.functionCall = .with {
                            $0.callId = "c"
                            $0.name = "weather"
                            $0.arguments = "{}"
                        }
                    }
                }
            } == [.toolStarted(call: "c", name: "weather", arguments: "{}")])
        #expect(try events { $0.toolExecutionUpdated = .init() }.isEmpty)
        #expect(
            try events {
                $0.functionToolsExecuted = .with {
                    $0.functionCallOutputs = [
                        .with {
                            $0.callId = "c"
                            $0.name = "weather"
                            $0.output = "sunny"
                            $0.isError = true
                        }
                    ]
                }
            } == [.toolFinished(call: "c", name: "weather", output: "sunny", isFailure: true)])
        #expect(
            try events { $0.agentFalseInterruption = .with { $0.resumed = true } }
                == [.falseInterruption(isResumed: true)])
        #expect(try events { $0.error = .with { $0.message = "no model" } } == [.failure("no model")])
        #expect(try events { _ in }.isEmpty)
    }
}
