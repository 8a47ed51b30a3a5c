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
        #expect(link.countMessage(now: .zero) == .taken)
        #expect(link.countMessage(now: .zero) == .taken)
        let third = link.countMessage(now: .zero)
        guard case .refused(let refusal) = third else {
            Issue.record("\(third) instead of a refusal")
            return
        }
        #expect(refusal.error.code == .rateLimited && refusal.reason == .rateLimited)
        #expect(link.messagesReceived == 3)
    }

    @Test("a dialect that tells of floods passes over what is too much, and says so once a second")
    func flood() {
        let client = FakeClient(clock: clock)
        var limits = Limits()
        limits.messageBurst = 1
        var link = ClientLink(
            client,
            dialect: ConversationDialect(ConversationDialect.descriptor.defaults, limits: limits.recordings),
            limits: limits, now: .zero)
        #expect(link.countMessage(now: .zero) == .taken)
        for _ in 0..<3 { #expect(link.countMessage(now: .zero) == .passedOver) }
        #expect(client.events("error").count == 1)
    }

    @Test("messages become what is to be done, in the order of the dialect's outputs, and their sound is counted")
    func decoding() {
        var link = link(FakeClient(clock: clock))
        #expect(
            link.receive(text: Array(#"{"type":"audio","data":"AAAA"}"#.utf8))
                == [.life(.clientSpoke), .sound(.bytes([0, 0, 0]))])
        let (actions, sound) = link.receive(binary: [1, 2, 3, 4].span)
        #expect(actions.isEmpty && sound == 0..<4 && link.audioBytesReceived == 7)
        let faulty = link.receive(text: Array("{".utf8))
        guard case .answer(.error(let error))? = faulty.first else {
            Issue.record("\(faulty) instead of an error")
            return
        }
        #expect(error.code == .invalidMessage && faulty.count == 1)
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
        let sound = [UInt8](repeating: 1, count: 960)
        link.send(sound: sound.span.bytes, as: delivery, now: .zero)
        let second = FakeClient(clock: clock)
        link.resume(on: second, summary, .thinking, now: .zero)
        #expect(!link.isAway && first.texts.isEmpty && first.closure == nil)
        #expect(second.events("transcript").map { $0["content"] } == ["he"])
        #expect(second.audio.count == 1 && second.events("agent_state").count == 1)
        #expect(second.events("session").first?["resumed"] == true)
        #expect(link.audioMessagesSent == 1 && link.audioBytesSent == 960 && link.droppedAudioMessages == 2)
    }

    @Test("a second connection closes the first with words")
    func takeOver() {
        let first = FakeClient(clock: clock)
        var link = link(first)
        link.resume(on: FakeClient(clock: clock), summary, nil, now: .zero)
        #expect(first.events("closing").first?["reason"] == "taken_over" && first.closure?.code == 4409)
    }
}
