import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("The line to the client")
struct ClientLinkTests {
    private let clock = VirtualClock()

    private func link(_ client: FakeClient, configure: (inout Limits) -> Void = { _ in }) -> ClientLink {
        var limits = Limits()
        configure(&limits)
        return ClientLink(
            client, dialect: DeviceDialect(DeviceDialect.descriptor.defaults, limits: limits.recordings),
            limits: limits, now: .zero)
    }

    private let summary = SessionSummary(
        id: "S", room: "r", identity: "i", input: AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000),
        output: AudioFormat(encoding: .pcmS16LE, sampleRate: 24_000))
    private var delivery: SoundDelivery {
        DeviceDialect(DeviceDialect.descriptor.defaults, limits: RecordingLimits()).delivery
    }

    @Test("messages beyond the rate are refused, and counted all the same")
    func rate() {
        var link = link(FakeClient(clock: clock)) { $0.messageBurst = 2 }
        #expect(link.countMessage(now: .zero) == nil)
        #expect(link.countMessage(now: .zero) == nil)
        #expect(link.countMessage(now: .zero)?.code == .rateLimited)
        #expect(link.messagesReceived == 3)
    }

    @Test("a complaint is repeated once a second at most, each kind for itself")
    func complaints() {
        let client = FakeClient(clock: clock)
        var link = link(client)
        for milliseconds in [0, 10, 999, 1000] {
            link.complain(ClientError(.invalidAudio, "a"), now: .zero + .milliseconds(milliseconds))
        }
        link.complain(ClientError(.invalidMessage, "b"), now: .zero + .milliseconds(1001))
        #expect(client.events("error").count == 3)
    }

    @Test("an absent client is told everything when it is back, of the agent's state by others")
    func away() {
        let first = FakeClient(clock: clock)
        var link = link(first)
        first.droppedAudioMessages = 2
        link.lose()
        #expect(link.isAway && link.droppedAudioMessages == 2)
        link.tell(.agentState(.thinking))
        for text in ["h", "he"] {
            link.tell(
                .transcript(
                    Transcript(role: .user, content: text, isFinal: false, segmentID: "s", participant: "i")))
        }
        // SAFETY: the bytes are only read during the call.
        unsafe [UInt8](repeating: 1, count: 960).withUnsafeBytes { unsafe link.send(sound: $0, as: delivery) }
        let second = FakeClient(clock: clock)
        link.resume(on: second, summary)
        #expect(!link.isAway && first.texts.isEmpty && first.closure == nil)
        #expect(second.events("transcript").map { $0["content"] } == ["he"])
        #expect(second.audio.count == 1 && second.events("agent_state").isEmpty)
        #expect(second.events("session").first?["resumed"] == true)
        #expect(link.audioMessagesSent == 1 && link.audioBytesSent == 960 && link.droppedAudioMessages == 2)
    }

    @Test("a second connection closes the first with words")
    func takeOver() {
        let first = FakeClient(clock: clock)
        var link = link(first)
        link.resume(on: FakeClient(clock: clock), summary)
        #expect(first.events("closing").first?["reason"] == "taken_over" && first.closure?.code == 4409)
    }
}
