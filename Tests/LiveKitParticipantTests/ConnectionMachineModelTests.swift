import HTTP
import Signalling
import TestSupport
import Testing
import Wire

@testable import LiveKitParticipant

/// Random sequences of events against a table of what each leads to.
@Suite("The connection of a participant, whatever happens in whatever order")
struct ConnectionMachineModelTests {
    private typealias Phase = ConnectionState.Phase

    private enum Event: CaseIterable {
        case connect, opened, joined, joinedBadly, resumed, mediaUp
        case closed, outOfReach, refused, mediaLost, mediaBroken
        case orderedToResume, orderedToRejoin, sentAway, failed, leave
        /// Time passes until the next deadline.
        case timeout

        /// What is likely to come: ends are rare, or no sequence would get far.
        static let common: [Event] = [
            .connect, .opened, .joined, .resumed, .mediaUp, .closed, .outOfReach, .mediaLost, .orderedToResume,
            .timeout,
            .timeout,
        ]

        var input: ConnectionMachine.Input? {
            switch self {
            case .connect: .connect
            case .opened: .signallingOpened
            case .joined: .joined(ConnectionMachineModelTests.join)
            case .joinedBadly: .joined(JoinResponse())
            case .resumed: .resumed(ReconnectResponse())
            case .mediaUp: .mediaUp
            case .closed: .signallingEnded(ParticipantError(.unreachable), hasOpened: true, isMediaUp: true)
            case .outOfReach: .signallingEnded(ParticipantError(.unreachable), hasOpened: false, isMediaUp: true)
            case .refused: .signallingEnded(ParticipantError(.unauthorized), hasOpened: false, isMediaUp: true)
            case .mediaLost: .mediaLost(ParticipantError(.mediaUnreachable), mayResume: true)
            case .mediaBroken: .mediaLost(ParticipantError(.negotiationFailed), mayResume: false)
            case .orderedToResume: .sentAway(.with { $0.action = .resume })
            case .orderedToRejoin: .sentAway(.with { $0.action = .reconnect })
            case .sentAway: .sentAway(.with { $0.reason = .roomDeleted })
            case .failed: .failed(ParticipantError(.localFailure))
            case .leave: .leave(.clientInitiated)
            case .timeout: nil
            }
        }
    }

    static let join = JoinResponse.with {
        $0.room = RoomInfo()
        $0.participant = .with { $0.sid = "PA_me" }
    }

    /// Where each event may lead; what is not listed changes nothing.
    private static let table: [Phase: [Event: Set<Phase>]] = {
        let ends: [Event: Set<Phase>] = [.sentAway: [.closed], .failed: [.closed], .leave: [.closed]]
        let joins: [Event: Set<Phase>] = [
            // A join that nobody awaits is a server that cannot be gone on with.
            .joined: [.joining, .closed], .joinedBadly: [.closed], .resumed: [.closed],
            .mediaUp: [.joining, .connected], .closed: [.pausing, .closed], .outOfReach: [.pausing, .closed],
            .refused: [.closed], .mediaLost: [.joining, .pausing, .closed], .mediaBroken: [.joining, .closed],
            .orderedToResume: [.pausing, .closed], .orderedToRejoin: [.pausing, .closed],
            .timeout: [.pausing, .closed],
        ]
        let losses: [Event] = [
            .joined, .joinedBadly, .resumed, .closed, .outOfReach, .mediaLost, .mediaBroken, .orderedToResume,
            .orderedToRejoin, .timeout,
        ]
        func retries(_ phase: Phase) -> [Event: Set<Phase>] {
            var table = ends
            for event in losses { table[event] = [.pausing, .closed] }
            for event in [Event.mediaLost, .mediaBroken, phase == .resuming ? .resumed : .joined] {
                table[event]?.insert(phase)
            }
            table[.mediaUp] = [phase, .connected]
            table[.refused] = [.closed]
            return table
        }
        var connected = ends
        for event in losses + [.refused] where event != .timeout { connected[event] = [.pausing] }
        return [
            .idle: ends.merging([.connect: [.joining]]) { $1 }, .joining: ends.merging(joins) { $1 },
            .connected: connected, .pausing: ends.merging([.timeout: [.joining, .resuming, .rejoining]]) { $1 },
            .resuming: retries(.resuming), .rejoining: retries(.rejoining), .closed: [:],
        ]
    }()

    private static let awaiting: Set<Phase> = [.joining, .pausing, .resuming, .rejoining]

    /// What its owner would have by the actions so far.
    private struct Owner {
        var hasSignalling = false
        var hasSession = false
        var attempts = 0
        var ends = 0
        var faults: [String] = []

        mutating func carryOut(_ action: ConnectionMachine.Action) {
            if ends > 0 { faults.append("\(action) after the end") }
            switch action {
            case .open(let attempt):
                if hasSignalling { faults.append("two attempts at once") }
                if attempt == .rejoin, hasSession { faults.append("two sessions at once") }
                if attempt == .resume, !hasSession { faults.append("nothing to resume") }
                hasSignalling = true
                attempts += 1
            case .dropSignalling: hasSignalling = false
            case .dropSession: hasSession = false
            case .startSession:
                if hasSession { faults.append("a session upon another") }
                hasSession = true
            case .resumeSession: if !hasSession { faults.append("no session was resumed") }
            case .connected:
                if !hasSession { faults.append("connected without a session") }
                attempts = 0
            case .reconnecting, .sayLeave: break
            case .end: ends += 1
            }
        }
    }

    @Test("every event leads where the table says, and a connection ends once", arguments: 0..<300)
    func sequences(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var configuration = ParticipantConfiguration(
            server: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "room.example", port: 7880)), token: "")
        configuration.joinRetries = Int.random(in: 0...4, using: &random)
        var machine = ConnectionMachine(configuration: configuration, random: random)
        var now = Instant.zero
        var owner = Owner()
        func fault(_ what: String) { Issue.record("seed \(seed): \(what)") }

        for _ in 0..<80 {
            let before = machine.phase
            let events = Int.random(in: 0..<15, using: &random) == 0 ? Event.allCases : Event.common
            let event = events[Int.random(in: 0..<events.count, using: &random)]
            if let input = event.input {
                let later = now + .milliseconds(Int.random(in: 0...50, using: &random))
                now = min(later, machine.nextDeadline ?? later)
                // What is closed does not speak, and what ends has ended before it is told.
                if case .signallingEnded(_, let hasOpened, let isMediaUp) = input {
                    owner.hasSignalling = false
                    // Such attempts are not counted.
                    if before == .resuming, !hasOpened, isMediaUp {
                        owner.attempts = min(owner.attempts, ReconnectPolicy.maximumRememberedAttempts)
                    }
                }
                machine.handle(input, now: now)
            } else if let deadline = machine.nextDeadline {
                now = max(now, deadline)
                machine.handleTimeout(now: now)
            } else {
                machine.handleTimeout(now: now)
                if machine.phase != before { fault("time alone led from \(before) to \(machine.phase)") }
                continue
            }
            let allowed = Self.table[before]?[event] ?? [before]
            if !allowed.contains(machine.phase) { fault("\(event) led from \(before) to \(machine.phase)") }
            while let action = machine.poll() { owner.carryOut(action) }
            owner.faults.forEach(fault)
            owner.faults = []
            check(machine.phase, machine.nextDeadline, now).map(fault)
            if owner.attempts > ReconnectPolicy.maximumAttempts + configuration.joinRetries + 1 {
                fault("\(owner.attempts) attempts in a row")
            }
        }
        #expect(owner.ends == (machine.phase == .closed ? 1 : 0))
    }

    /// What is wrong with a deadline.
    private func check(_ phase: Phase, _ deadline: Instant?, _ now: Instant) -> String? {
        guard Self.awaiting.contains(phase) else { return deadline == nil ? nil : "\(phase) has a deadline" }
        guard let deadline else { return "\(phase) waits for ever" }
        let longest = phase == .pausing ? ReconnectPolicy.longestPause : .seconds(15)
        if deadline > now + longest { return "\(phase) waits for \(deadline - now)" }
        return deadline >= now ? nil : "\(phase) is late already"
    }

    @Test("whatever has happened, a server that says nothing more leads to the end in bounded time", arguments: 0..<100)
    func wayOut(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed) &+ 1000)
        let configuration = ParticipantConfiguration(
            server: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "room.example", port: 7880)), token: "")
        var machine = ConnectionMachine(configuration: configuration, random: random)
        var now = Instant.zero
        machine.handle(.connect, now: now)
        for _ in 0..<Int.random(in: 0..<40, using: &random) {
            let event = Event.common[Int.random(in: 0..<Event.common.count, using: &random)]
            if let input = event.input {
                machine.handle(input, now: now)
            } else if let deadline = machine.nextDeadline {
                now = max(now, deadline)
                machine.handleTimeout(now: now)
            }
        }
        // Who is connected and hears nothing learns of it by pings and by consent.
        machine.handle(Event.mediaLost.input ?? .connect, now: now)
        let start = now
        var steps = 0
        while let deadline = machine.nextDeadline, steps < 50 {
            now = max(now, deadline)
            machine.handleTimeout(now: now)
            steps += 1
        }
        #expect(machine.phase == .closed, "seed \(seed)")
        #expect(now - start < .seconds(240), "seed \(seed)")
    }
}
