import HTTP
import Signalling
import Testing
import Wire

@testable import LiveKitParticipant

/// A participant's connection in virtual time.
@Suite("The connection of a participant") struct ConnectionMachineTests {
    /// A machine with its owner's eyes: what it did, in a few words.
    private struct Stage: ~Copyable {
        var machine: ConnectionMachine
        var now = Instant.zero
        var story: [String] = []
        var ending: ParticipantEnding?

        init(configure: (inout ParticipantConfiguration) -> Void = { _ in }) {
            var configuration = ParticipantConfiguration(
                server: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "room.example", port: 7880)), token: "")
            configure(&configuration)
            machine = ConnectionMachine(configuration: configuration, random: LargestNumbers())
        }

        mutating func happens(_ input: ConnectionMachine.Input) {
            machine.handle(input, now: now)
            drain()
        }

        /// Lets time pass until the machine does something. - Returns: how much.
        @discardableResult
        mutating func wait(isMediaUp: Bool = false) -> Duration {
            guard let deadline = machine.nextDeadline else { return .zero }
            let start = now
            now = max(now, deadline)
            machine.handleTimeout(isMediaUp: isMediaUp, now: now)
            drain()
            return now - start
        }

        mutating func connect() {
            happens(.connect)
            happens(.signallingOpened)
            happens(.joined(ConnectionMachineModelTests.join))
            happens(.mediaUp)
        }

        private mutating func drain() {
            while let action = machine.poll() {
                switch action {
                case .open(let attempt): story.append("open to \(attempt)")
                case .dropSignalling: break
                case .dropSession: story.append("drop the session")
                case .startSession: story.append("start")
                case .resumeSession: story.append("resume")
                case .connected(let isNew):
                    story.append(isNew.map { $0 ? "back anew" : "back as before" } ?? "connected")
                case .reconnecting: story.append("reconnecting")
                case .sayLeave(let reason): story.append("say \(reason.name)")
                case .end(let ending):
                    story.append("end")
                    self.ending = ending
                }
            }
        }

        func takeStory() -> [String] { story }
    }

    /// Always gives the largest number: every pause is as long as it can be.
    private struct LargestNumbers: RandomNumberGenerator {
        mutating func next() -> UInt64 { .max }
    }

    private func failure(_ ending: ParticipantEnding?) -> ParticipantError? {
        if case .failed(let error) = ending { error } else { nil }
    }

    @Test("a room server that is killed and stays away ends the call after ten attempts, ever more rarely")
    func serverGone() {
        var stage = Stage()
        stage.connect()
        stage.happens(.signallingEnded(ParticipantError(.unreachable), hasOpened: true, isMediaUp: true))
        var pauses: [Duration] = []
        var isMediaUp = true
        while stage.machine.phase != .closed, pauses.count < 20 {
            pauses.append(stage.wait())
            // Ten seconds later the peer connection has noticed as well.
            if stage.now > .zero + .seconds(10) { isMediaUp = false }
            stage.happens(.signallingEnded(ParticipantError(.unreachable), hasOpened: false, isMediaUp: isMediaUp))
        }
        let seconds: [Duration] = [0, 300, 600, 1200, 2400, 4800, 7000, 7000, 7000, 7000].map { .milliseconds($0) }
        #expect(pauses == seconds)
        let story = stage.takeStory()
        #expect(story.count { $0 == "open to resume" } == 7 && story.count { $0 == "open to rejoin" } == 3)
        let error = failure(stage.ending)
        #expect(error?.kind == .reconnectFailed && error?.blame == .room && error?.isRetryable == true)
    }

    @Test("when media falls silent a resume comes first, and a new session when nothing answers its ICE restart")
    func silentMedia() {
        var stage = Stage()
        stage.connect()
        stage.happens(.mediaLost(ParticipantError(.mediaUnreachable), mayResume: true))
        #expect(stage.wait() == .zero)
        stage.happens(.signallingOpened)
        stage.happens(.resumed(ReconnectResponse()))
        #expect(stage.wait() == .seconds(15))
        #expect(stage.wait() <= ReconnectPolicy.longestPause)
        stage.happens(.signallingOpened)
        stage.happens(.joined(ConnectionMachineModelTests.join))
        stage.happens(.mediaUp)
        #expect(
            stage.takeStory() == [
                "open to join", "start", "connected", "reconnecting", "open to resume", "resume", "drop the session",
                "open to rejoin", "start", "back anew",
            ])
    }

    @Test("a server that takes the socket and says nothing is asked again three times")
    func silentServer() {
        var stage = Stage()
        stage.happens(.connect)
        var waits: [Duration] = []
        while stage.machine.phase != .closed, waits.count < 20 {
            if stage.machine.phase == .joining { stage.happens(.signallingOpened) }
            waits.append(stage.wait())
        }
        #expect(waits == [5000, 300, 5000, 600, 5000, 1200, 5000].map { .milliseconds($0) })
        #expect(failure(stage.ending)?.kind == .timedOut)
    }

    @Test("an address that answers nothing, not even with a refusal, is given up")
    func silentAddress() {
        var stage = Stage { $0.joinRetries = 0 }
        stage.happens(.connect)
        #expect(stage.wait() == .seconds(10))
        #expect(failure(stage.ending)?.kind == .timedOut)
    }

    @Test("media that is blocked is tried once more, and not three times")
    func blockedMedia() {
        var stage = Stage()
        stage.happens(.connect)
        var waited = Duration.zero
        while stage.machine.phase != .closed, waited < .seconds(100) {
            if stage.machine.phase == .joining { stage.happens(.joined(ConnectionMachineModelTests.join)) }
            waited += stage.wait()
        }
        #expect(waited == .seconds(30) + .milliseconds(300))
        #expect(failure(stage.ending)?.kind == .mediaUnreachable)
    }

    @Test("a session that the server will not resume is joined anew at once")
    func forbiddenResume() {
        var stage = Stage()
        stage.happens(.connect)
        var join = ConnectionMachineModelTests.join
        join.clientConfiguration = .with { $0.resumeConnection = .disabled }
        stage.happens(.joined(join))
        stage.happens(.mediaUp)
        stage.happens(.signallingEnded(ParticipantError(.unreachable), hasOpened: true, isMediaUp: true))
        #expect(stage.wait() == .zero)
        #expect(stage.takeStory().last == "open to rejoin")
    }

    @Test("a server that takes everybody in and loses everybody at once is asked ever more rarely")
    func flapping() {
        var stage = Stage()
        stage.connect()
        var pauses: [Duration] = []
        for _ in 0..<12 {
            stage.happens(.sentAway(.with { $0.action = .reconnect }))
            pauses.append(stage.wait())
            stage.happens(.joined(ConnectionMachineModelTests.join))
            stage.happens(.mediaUp)
        }
        #expect(pauses.sorted() == pauses && pauses.last == ReconnectPolicy.longestPause)
        stage.now += ReconnectPolicy.stableTime
        stage.happens(.sentAway(.with { $0.action = .reconnect }))
        #expect(stage.wait() == .zero)
    }

    @Test("signalling that is refused while media flows uses up no attempts, however long")
    func refusedSignalling() {
        var stage = Stage()
        stage.connect()
        stage.story = []
        let lost = ParticipantError(.unreachable)
        stage.happens(.signallingEnded(lost, hasOpened: true, isMediaUp: true))
        for _ in 0..<50 {
            stage.wait()
            stage.happens(.signallingEnded(lost, hasOpened: false, isMediaUp: true))
        }
        #expect(stage.now > .zero + .seconds(200))
        #expect(Set(stage.story) == ["reconnecting", "open to resume"])
        stage.wait()
        stage.happens(.signallingOpened)
        stage.happens(.resumed(ReconnectResponse()))
        stage.happens(.mediaUp)
        #expect(stage.story.suffix(2) == ["resume", "back as before"])
    }

    @Test("nothing happens after the end")
    func final() {
        var stage = Stage()
        stage.connect()
        stage.happens(.leave(.userUnavailable))
        #expect(stage.takeStory().suffix(2) == ["say USER_UNAVAILABLE", "end"])
        stage.happens(.mediaUp)
        stage.happens(.leave(.clientInitiated))
        stage.happens(.connect)
        #expect(stage.takeStory().last == "end" && stage.takeStory().count { $0 == "end" } == 1)
        #expect(stage.machine.nextDeadline == nil)
    }

    @Test("a server that does not answer still has the session while media flows: no attempt to resume gives it up")
    func unanswered() {
        var stage = Stage()
        stage.connect()
        stage.story = []
        let lost = ParticipantError(.unreachable, "no answer to pings")
        stage.happens(.signallingEnded(lost, hasOpened: true, isMediaUp: true))
        // The socket of each attempt is never opened: 40 s and more.
        for _ in 0..<9 { stage.wait(isMediaUp: true) }
        #expect(stage.now > .zero + .seconds(40))
        #expect(Set(stage.story) == ["reconnecting", "open to resume"])
        stage.happens(.signallingOpened)
        stage.happens(.resumed(ReconnectResponse()))
        stage.happens(.mediaUp)
        #expect(stage.story.suffix(2) == ["resume", "back as before"])
    }
}
