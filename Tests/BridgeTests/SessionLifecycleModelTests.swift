import ClientProtocol
import TestSupport
import Testing
import Wire

@testable import Bridge

/// Random sequences of events against a table of what each leads to.
@Suite("The life of a session, whatever happens in whatever order")
struct SessionLifecycleModelTests {
    private typealias Phase = SessionLifecycle.Phase

    private enum Event: CaseIterable {
        case clientSpoke, roomJoined, roomFailed, roomEnded, agentJoined, agentsGone, absenceExplained, peopleCome,
            peopleGo
        case clientGone, clientLost, clientResumed, shutdown, endedByOperator, failed
        /// Time passes until the next deadline.
        case timeout

        /// What is likely to come: the ends of a session are rare, or no sequence would get far.
        static let common: [Event] = [
            .clientSpoke, .roomJoined, .agentJoined, .agentsGone, .peopleCome, .peopleGo, .clientLost, .clientResumed,
            .timeout,
        ]

        var input: SessionLifecycle.Input? {
            switch self {
            case .clientSpoke: .clientSpoke
            case .roomJoined: .roomJoined
            case .roomFailed: .roomFailed(Failure("", blame: .room, isRetryable: true))
            case .roomEnded: .roomEnded(.roomDeleted)
            case .agentJoined: .agentJoined
            case .agentsGone: .agentsGone
            case .absenceExplained: .absenceExplained(nil)
            case .peopleCome: .othersPresent(1)
            case .peopleGo: .othersPresent(0)
            case .clientGone: .clientGone
            case .clientLost: .clientLost(mayResume: true)
            case .clientResumed: .clientResumed
            case .shutdown: .shutdown
            case .endedByOperator: .endedByOperator
            case .failed: .failed(ClientError(.internalError, ""), .internalError)
            case .timeout: nil
            }
        }
    }

    /// Where each event may lead; what is not listed changes nothing.
    private static let table: [Phase: [Event: Set<Phase>]] = {
        let ends: [Event: Set<Phase>] = [
            .roomFailed: [.ended], .roomEnded: [.ended], .clientGone: [.ended], .shutdown: [.ended],
            .endedByOperator: [.ended], .failed: [.ended],
        ]
        let early: [Event: Set<Phase>] = [.clientLost: [.ended]]
        return [
            .opening: ends.merging(early) { $1 }.merging([.clientSpoke: [.joining], .timeout: [.joining]]) { $1 },
            .joining: ends.merging(early) { $1 }.merging([
                .roomJoined: [.joined], .agentJoined: [.agentPresent], .timeout: [.ended],
            ]) { $1 },
            // Its end depends on who else is there and for how long; see `hasReason`.
            .joined: ends.merging([.agentJoined: [.agentPresent], .timeout: [.joined, .ended]]) { $1 },
            .agentPresent: ends.merging([.agentsGone: [.joined], .timeout: [.agentPresent, .ended]]) { $1 },
            .ended: [:],
        ]
    }()

    @Test("every event leads where the table says, and a session ends once and in order", arguments: 0..<200)
    func sequences(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var limits = Limits()
        limits.resumeGrace = .seconds(Int.random(in: 0...40, using: &random))
        var now = Instant.zero
        var life = SessionLifecycle(limits: limits, now: now)
        life.agentName = Bool.random(using: &random) ? "clerk" : ""
        var actions: [SessionLifecycle.Action] = []
        var people = 0
        var awaySince: Instant?

        for _ in 0..<60 {
            let before = life.phase
            let events = Int.random(in: 0..<12, using: &random) == 0 ? Event.allCases : Event.common
            let event = events[Int.random(in: 0..<events.count, using: &random)]
            let wasAway = life.isClientAbsent
            if let input = event.input {
                now += .milliseconds(Int.random(in: 0...50, using: &random))
                life.handle(input, now: now)
            } else if let deadline = life.nextDeadline {
                now = max(now, deadline)
                life.handleTimeout(now: now)
                if let next = life.nextDeadline, next <= now { Issue.record("seed \(seed): a deadline that stays") }
            } else if before != .ended {
                continue
            }
            if event == .peopleCome { people = 1 }
            if event == .peopleGo { people = 0 }
            var allowed = Self.table[before]?[event] ?? [before]
            // Without a grace time there is nothing to come back to.
            if event == .clientLost, limits.resumeGrace == .zero { allowed = [.ended] }
            if !allowed.contains(life.phase) {
                Issue.record("seed \(seed): \(event) led from \(before) to \(life.phase)")
            }
            if event == .timeout, before == .joined, life.phase == .ended, people > 0, !wasAway {
                Issue.record("seed \(seed): the session ended although there were people")
            }
            if !wasAway, life.isClientAbsent { awaySince = now }
            if life.isClientAbsent, let awaySince, now - awaySince > limits.resumeGrace + .seconds(1),
                event == .timeout
            {
                Issue.record("seed \(seed): the client was waited for beyond its time")
            }
            while let action = life.poll() { actions.append(action) }
        }

        #expect(actions.count { $0 == .join } <= 1)
        let joined = actions.contains(.join)
        guard life.hasEnded else {
            #expect(!actions.contains { $0 == .finish || $0.isLeave })
            return
        }
        #expect(life.nextDeadline == nil && !life.isClientAbsent)
        #expect(actions.last == .finish && actions.count { $0 == .finish } == 1)
        #expect(actions.count(where: \.isLeave) == (joined ? 1 : 0))
        let closes = actions.indices.filter { if case .close = actions[$0] { true } else { false } }
        #expect(closes.count <= 1)
        if let close = closes.first, let leave = actions.firstIndex(where: \.isLeave) { #expect(leave < close) }
    }
}

extension SessionLifecycle.Action {
    fileprivate var isLeave: Bool { if case .leave = self { true } else { false } }
}
