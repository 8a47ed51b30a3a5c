internal import EventLoops
internal import LiveKitParticipant

/// Requests for rooms with agents that are under way, so that two for the same room at the same time bring one agent: the
/// second waits for what becomes of the first. Shared by all loops.
package final class AgentPlacements: Sendable {
    private struct Key: Hashable {
        let agent: String
        let room: String
    }

    private struct Waiter: Sendable {
        let loop: EventLoop
        let completion: LoopBound<(AgentPlacer.Outcome) -> Void>
    }

    private let waiting = Locked<[Key: [Waiter]]>([:])

    package init() {}

    /// Runs `place` unless a request for the same agent and room is under way.
    ///
    /// - Parameters:
    ///   - completion: called on `loop` with what came of it, whoever did it.
    ///   - place: calls its argument once when it is done.
    func once(
        agent: String, room: String, on loop: EventLoop,
        completion: @escaping (AgentPlacer.Outcome) -> Void,
        place: (@escaping (AgentPlacer.Outcome) -> Void) -> Void
    ) {
        let key = Key(agent: agent, room: room)
        let waiter = Waiter(loop: loop, completion: LoopBound(completion, on: loop))
        let isFirst = waiting.withLock { waiting in
            waiting[key, default: []].append(waiter)
            return waiting[key]?.count == 1
        }
        guard isFirst else { return }
        place { [waiting] result in
            let waiters = waiting.withLock { $0.removeValue(forKey: key) ?? [] }
            for waiter in waiters {
                if waiter.loop.isCurrent {
                    waiter.completion.value(result)
                } else {
                    waiter.loop.execute { waiter.completion.value(result) }
                }
            }
        }
    }
}
