import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("What a client wants, and who does it")
struct ClientCommandsTests {
    @Test("sound and words begin the session, and go to the part whose affair they are")
    func speaking() {
        #expect(ClientEvent.audio([1]).actions == [.life(.clientSpoke), .sound(.bytes([1]))])
        #expect(ClientEvent.opusPacket([1]).actions == [.life(.clientSpoke), .sound(.recordedPacket([1]))])
        #expect(
            ClientEvent.recording(recording([1], sampleRate: 8000)).actions
                == [.life(.clientSpoke), .sound(.recording(recording([1], sampleRate: 8000)))])
        #expect(ClientEvent.endTurn.actions == [.life(.clientSpoke), .endTurn])
        for event: ClientEvent in [.text("a"), .data(topic: "t", payload: []), .dtmf([.one])] {
            #expect(event.actions == [.life(.clientSpoke), .deliver(event)])
        }
    }

    @Test("control says nothing: the room is not joined for it")
    func control() {
        #expect(ClientEvent.ping(id: 7).actions == [.tell(.pong(id: 7))])
        #expect(ClientEvent.mute.actions == [.sound(.mute(true))])
        #expect(ClientEvent.unmute.actions == [.sound(.mute(false))])
        #expect(ClientEvent.forgetTurn.actions.isEmpty)
        #expect(ClientEvent.authenticate(apiKey: "k").actions.isEmpty)
        #expect(ClientEvent.playedOut.actions == [.playedOut])
        #expect(ClientEvent.hangUp.actions == [.hangUp])
    }

    @Test("an interrupted agent is asked to stop and is heard no more, and the client drops what it has")
    func interrupting() {
        #expect(ClientEvent.interrupt.actions == [.interrupt, .discardSound, .tell(.interrupted)])
    }
}
