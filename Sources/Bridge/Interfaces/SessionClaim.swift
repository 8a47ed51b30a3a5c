package import ClientProtocol

/// What another gateway must know of a session in order to go on with it.
package struct SessionClaim: Hashable, Sendable {
    /// The session's id, which it keeps.
    package var session: String
    package var room: String
    package var identity: String
    package var name: String?
    /// The agent that the room has or waits for; empty for none.
    package var agent: String
    /// For an agent that must be dispatched again.
    package var metadata: String?
    /// The caller came with an access token, and needs one again.
    package var needsAccessToken: Bool
    /// The gateway that has the session has asked for the move, and has the caller's participant until another takes its place.
    package var isMove: Bool
    /// The `traceparent` of the call.
    package var trace: String?
    /// What the client has chosen about sound and events, by the names of a query.
    package var formats: [String: String]

    package init(
        session: String, room: String, identity: String, name: String? = nil, agent: String, metadata: String? = nil,
        needsAccessToken: Bool = false, isMove: Bool = false, trace: String? = nil, formats: [String: String] = [:]
    ) {
        self.session = session
        self.room = room
        self.identity = identity
        self.name = name
        self.agent = agent
        self.metadata = metadata
        self.needsAccessToken = needsAccessToken
        self.isMove = isMove
        self.trace = trace
        self.formats = formats
    }

    /// The parameters of the session that goes on.
    /// - Parameters:
    ///   - defaults: the dialect's.
    ///   - accessToken: what the new connection brings.
    package func parameters(_ defaults: SessionParameters, accessToken: String?) throws(InvalidParameter)
        -> SessionParameters
    {
        var parameters = defaults
        try parameters.apply(query: formats.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        parameters.room = room
        parameters.identity = identity
        parameters.name = name
        parameters.agent = agent
        parameters.metadata = metadata
        parameters.accessToken = needsAccessToken ? accessToken : nil
        return parameters
    }
}
