internal import ClientProtocol
internal import Wire

/// Who and where the caller is, and what it has chosen: by its parameters, its access token, and then by what the room
/// says. Belongs to one loop.
struct CallerProfile {
    private(set) var parameters: SessionParameters
    /// What was asked for; once the room is joined, what the room says.
    private(set) var roomName: String
    private(set) var identity: String
    /// Whom the client's access token names.
    private(set) var bearer: TokenBearer?
    /// What the client may choose; nil for everything.
    let policy: (any SessionPolicy)?
    /// Makes what lets the client continue on another connection; nil when it may not.
    private let makeResumeToken: ((SessionClaim) -> String)?
    /// The session began at another gateway.
    let isContinued: Bool
    private let defaultAgent: String
    /// What the agent is told of the trace that the call belongs to; nil for nothing.
    let trace: TraceContext?

    /// - Parameters:
    ///   - isContinued: the session began at another gateway.
    ///   - defaultAgent: the operator's; empty for none.
    ///   - random: for the names of rooms and callers that have none.
    init(
        _ parameters: SessionParameters, policy: (any SessionPolicy)?, resumeToken: ((SessionClaim) -> String)?,
        isContinued: Bool = false, defaultAgent: String, trace: TraceContext? = nil,
        random: inout some RandomNumberGenerator
    ) {
        self.parameters = parameters
        self.policy = policy
        makeResumeToken = resumeToken
        self.isContinued = isContinued
        self.defaultAgent = defaultAgent
        self.trace = trace
        // A token names its room and identity; until the room has said them, these stand in.
        roomName = parameters.room ?? "room-" + RandomName.uuid(using: &random)
        identity = parameters.identity ?? "caller-" + RandomName.hexadecimal(8, using: &random)
    }

    /// Whether nobody else can know the room: it was made up for this session.
    var hasOwnRoom: Bool { parameters.room == nil && parameters.accessToken == nil }

    /// The agent to dispatch; empty for none.
    var agentName: String { parameters.agent ?? bearer?.agents.first?.name ?? defaultAgent }

    /// What the agent is told about its job, the briefing apart.
    var agentMetadata: String? {
        if let metadata = parameters.metadata { return metadata }
        let metadata = bearer?.agents.first { $0.name == agentName }?.metadata ?? ""
        return metadata.isEmpty ? nil : metadata
    }

    var briefing: AgentBriefing {
        AgentBriefing(instructions: parameters.instructions, fields: parameters.agentFields)
    }

    /// - Parameter dialect: the word of `DialectDescriptor.name`.
    func roomRequest(session id: String, dialect: String) -> RoomRequest {
        var request = RoomRequest(
            room: roomName, identity: identity, name: parameters.name ?? identity, accessToken: parameters.accessToken)
        request.encryptionSecret = parameters.encryptionSecret
        request.session = id
        request.trace = trace
        request.wantsAgentEvents = parameters.wantsAgentEvents
        let own = ParticipantAttributes.ofGateway(
            session: id, dialect: dialect, input: parameters.input, output: parameters.output)
        request.attributes = parameters.attributes.merging(own) { $1 }
        return request
    }

    /// Whether an agent may be dispatched before the room is joined. A token's room is known only when it has been
    /// verified or joined; one that says how the room is to be made brings agents of its own, which are there once it is
    /// joined.
    var knowsRoom: Bool { parameters.accessToken == nil || bearer?.configuresRoom == false }

    func summary(session id: String) -> SessionSummary {
        SessionSummary(
            id: id, room: roomName, identity: identity, input: parameters.input, output: parameters.output)
    }

    /// What lets the client continue the session on another connection; nil when it may not.
    /// - Parameter isMove: the client is asked to, while it still has this one.
    func resumeToken(session id: String, isMove: Bool = false) -> String? {
        makeResumeToken?(claim(session: id, isMove: isMove))
    }

    /// Metadata beyond this does not travel in a token, in bytes.
    private static let maximumClaimedMetadata = 2048

    private func claim(session id: String, isMove: Bool) -> SessionClaim {
        let metadata = agentMetadata.flatMap { $0.utf8.count <= Self.maximumClaimedMetadata ? $0 : nil }
        return SessionClaim(
            session: id, room: roomName, identity: identity, name: parameters.name, agent: agentName,
            metadata: metadata, needsAccessToken: parameters.accessToken != nil, isMove: isMove, trace: trace?.text,
            formats: Dictionary(parameters.formats.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
    }

    mutating func enter(room: String, as identity: String) {
        roomName = room
        self.identity = identity
    }

    mutating func takeUnknownParameters() -> [UnknownParameter] { parameters.takeUnknown() }

    /// Asks whether the client may have what it has chosen. A token names its room and identity itself.
    mutating func examine() throws(SessionRefusal) {
        guard let policy else { return }
        let named = try policy.examine(parameters)
        // Who came as somebody by a token must not go on as the same one without what the token forbids.
        if bearer != nil, named == nil {
            throw SessionRefusal(
                InvalidParameter(name: "access_token", value: "", allowed: "an access token, once there has been one"))
        }
        bearer = named
        if let bearer { enter(room: bearer.room, as: bearer.identity) }
    }

    /// Applies a `config` message.
    /// - Parameter isInRoom: the room has been asked for, so that who and where the caller is may not change any more.
    /// - Returns: why nothing of the message counts although the session goes on; nil when it was taken over.
    mutating func configure(_ object: JSONObject, isInRoom: Bool) throws(SessionRefusal) -> ClientError? {
        if isInRoom,
            let late = object.members.first(where: {
                SessionParameters.namesFixedByJoining.contains($0.key) && !$0.value.isNull
            })
        {
            let message = "\(late.key) can be chosen only in the query or in a config message before anything else"
            return ClientError(.tooLate, message)
        }
        let token = parameters.resumeToken
        do throws(InvalidParameter) {
            try parameters.apply(configuration: object)
            // A connection that has a session already cannot go over to another one.
            guard parameters.resumeToken == token else {
                throw InvalidParameter(
                    name: "session", value: "(not shown)",
                    allowed: "a resume token in the query of the URL, not in config")
            }
        } catch {
            let refusal = SessionRefusal(error)
            policy?.note(refusal)
            throw refusal
        }
        if !isInRoom {
            enter(room: parameters.room ?? roomName, as: parameters.identity ?? identity)
            try examine()
        }
        return nil
    }
}
