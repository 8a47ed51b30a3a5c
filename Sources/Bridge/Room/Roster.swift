internal import ClientProtocol

/// Who else is in the room: the participants, the agents among them in the order in which they came, and who owns the
/// subscribed tracks. The first agent's state is the client's affair. Pure.
struct Roster {
    /// What a change in the room means for the session, in the order in which it must be acted on.
    enum Change: Hashable {
        case agentJoined(identity: String, name: String)
        case agentLeft(identity: String, reason: String)
        /// The agent that left was the first; another one, or none, takes its place.
        case firstAgentLeft
        case noAgentLeft
        /// The first agent shows this state.
        case state(AgentState)
        /// So many participants that are no agents are there besides the caller.
        case othersPresent(Int)
        case trackEnded(String)
    }

    /// The agents in the order in which they came.
    private(set) var agents: [String] = []
    /// The same, for the question whether one is among them.
    private var agentSet: Set<String> = []
    private var members: [String: RoomMember] = [:]
    /// How many of the members are no agents. Counted as they come: rooms may be large.
    private var others = 0
    private var trackOwners: [String: String] = [:]
    /// By their owner.
    private var tracks: [String: [Track]] = [:]

    private struct Track: Hashable {
        var id: String
        var source: TrackSource
    }

    /// The member of this identity; nil when the room has not introduced it.
    subscript(identity: String) -> RoomMember? { members[identity] }

    /// Whether somebody besides the caller is there who is no agent.
    var hasPeople: Bool { others > 0 }

    /// Whether the first agent's session is still to begin: the worker that brought the agent has marked it by attributes
    /// of its framework, whose sessions show a state, but it shows none and has no voice yet.
    var isAgentStarting: Bool {
        guard let first = agents.first, let agent = members[first],
            tracks[first]?.contains(where: { $0.source != .background }) != true,
            agent.attributes[RoomTopics.agentState] == nil
        else { return false }
        return agent.attributes.keys.contains { $0.hasPrefix(RoomTopics.agentAttributes) }
    }

    /// A participant has come, or its name or attributes are new.
    mutating func update(_ member: RoomMember) -> [Change] {
        let old = members.updateValue(member, forKey: member.identity)
        others += (member.isAgent ? 0 : 1) - (old.map { $0.isAgent ? 0 : 1 } ?? 0)
        if member.isOwnAgent, agentSet.insert(member.identity).inserted {
            agents.append(member.identity)
            let joined = Change.agentJoined(identity: member.identity, name: member.name)
            return [joined] + (agents.count == 1 ? state(of: member) : [])
        }
        guard let old else { return [.othersPresent(others)] }
        guard member.identity == agents.first,
            member.attributes[RoomTopics.agentState] != old.attributes[RoomTopics.agentState]
        else { return [] }
        return state(of: member)
    }

    mutating func remove(_ identity: String, reason: String) -> [Change] {
        guard let member = members.removeValue(forKey: identity) else { return [] }
        if !member.isAgent { others -= 1 }
        var changes: [Change] = []
        for track in tracks.removeValue(forKey: identity) ?? [] {
            trackOwners[track.id] = nil
            changes.append(.trackEnded(track.id))
        }
        guard agentSet.remove(identity) != nil, let index = agents.firstIndex(of: identity) else {
            return changes + [.othersPresent(others)]
        }
        agents.remove(at: index)
        changes.append(.agentLeft(identity: identity, reason: reason))
        if index == 0 {
            changes.append(.firstAgentLeft)
            if let next = agents.first.flatMap({ members[$0] }) { changes += state(of: next) }
        }
        if agents.isEmpty { changes.append(.noAgentLeft) }
        return changes
    }

    /// A track of this participant has been subscribed to.
    mutating func add(track: String, of owner: String, source: TrackSource = .microphone) {
        remove(track: track)
        trackOwners[track] = owner
        tracks[owner, default: []].append(Track(id: track, source: source))
    }

    mutating func remove(track: String) {
        guard let owner = trackOwners.removeValue(forKey: track) else { return }
        tracks[owner]?.removeAll { $0.id == track }
    }

    /// What each subscribed track is to the client.
    ///
    /// An agent's voice comes from its microphone, or from the microphone of its face; what else it publishes is
    /// ambience. Of an agent that has no microphone, a track that says nothing of itself is the voice. Where no agent is,
    /// people are whom the client talks with, once they hear it.
    ///
    /// - Parameter isHeard: somebody hears the caller.
    func soundRoles(isHeard: Bool) -> [String: SoundRole] {
        var roles: [String: SoundRole] = [:]
        for (owner, tracks) in tracks {
            let hasMicrophone = tracks.contains { $0.source == .microphone }
            let isAgent = members[owner]?.isAgent == true
            for track in tracks {
                let isVoice = track.source == .microphone || (track.source == .unspecified && !hasMicrophone)
                let isPartner = isAgent ? isVoice : agents.isEmpty && isHeard
                roles[track.id] = isPartner ? .voice : isAgent ? .ambience : .person
            }
        }
        return roles
    }

    private func state(of agent: RoomMember) -> [Change] {
        agent.attributes[RoomTopics.agentState].flatMap(AgentState.init(rawValue:)).map { [.state($0)] } ?? []
    }
}

extension RoomMember {
    /// Whether it is an agent of its own, not the face of another one.
    fileprivate var isOwnAgent: Bool { isAgent && attributes[RoomTopics.publishOnBehalf] == nil }
}
