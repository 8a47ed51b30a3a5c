internal import Wire

/// How far the dispatch of the agent has come, and what the agent has been told about its job. Pure.
struct DispatchState {
    /// What tells an agent that has its job already what is new.
    struct Update: Hashable {
        /// For an attribute, so that agents which come later see them; nil when they are as they were.
        var instructions: String?
        var message: JSONValue
    }

    private enum Progress: Hashable {
        case none
        case running
        /// It failed before the room was joined, which may be why; it is tried once more then.
        case failedEarly
        case done
    }

    private var progress = Progress.none
    /// What the agent has been told; nil while no dispatch has been answered.
    private var briefing: AgentBriefing?

    /// True when the agent has to be dispatched now: for the first time, or once more.
    mutating func begin() -> Bool {
        guard progress == .none || progress == .failedEarly else { return false }
        progress = .running
        return true
    }

    /// The dispatch has been answered.
    /// - Parameter briefing: what the agent has learned by it.
    /// - Returns: the failure, when it is final.
    mutating func finish(
        _ result: Result<Void, Failure>, briefing: AgentBriefing, isInRoom: Bool
    ) -> Failure? {
        self.briefing = briefing
        guard case .failure(let failure) = result else {
            progress = .done
            return nil
        }
        progress = isInRoom ? .done : .failedEarly
        return isInRoom ? failure : nil
    }

    /// What the agent must be told so that it knows all that is `wanted`; nil when it does, or when the dispatch will
    /// tell it.
    /// - Parameter hasDispatch: an agent is dispatched for this session at all.
    mutating func update(to wanted: AgentBriefing, hasDispatch: Bool) -> Update? {
        guard !hasDispatch || briefing != nil else { return nil }
        let old = briefing ?? AgentBriefing()
        guard wanted != old else { return nil }
        briefing = wanted
        return Update(
            instructions: wanted.instructions == old.instructions ? nil : wanted.instructions,
            message: wanted.update(since: old))
    }
}
