package import ClientProtocol

/// Who may connect, and what callers may choose without an access token.
package struct AccessPolicy: Hashable, Sendable {
    /// What happens when somebody connects under an identity that is in the room already.
    package enum DuplicateIdentity: String, CaseIterable, Hashable, Sendable {
        /// The newcomer replaces who is there.
        case takeOver = "take-over"
        /// The newcomer is turned away.
        case refuse
    }

    /// The keys that are accepted; nil: no key is asked for.
    package var apiKeys: APIKeys?
    package var apiKeyHeaderName = GatewaySettings.apiKeyHeaderName.standard
    /// Whether a caller without an access token may name a room.
    package var allowsClientRooms = true
    /// Whether such a caller may name an identity.
    package var allowsClientIdentities = true
    /// The agents that such a caller may name.
    package var allowedAgents = AllowedAgents.any
    package var duplicateIdentity = GatewaySettings.duplicateIdentity.standard
    /// Whether `POST /session` takes identities of letters, numbers, hyphens and underscores alone.
    package var hasStrictIdentities = GatewaySettings.strictIdentities.standard

    package init() {}

    /// Whether callers must present a key or an access token.
    package var requiresKey: Bool { apiKeys != nil }

    /// Whether callers of the HTTP interface may name rooms. One with a key is somebody's backend, which may name whom it
    /// likes.
    package var mayNameRooms: Bool { requiresKey || allowsClientRooms }

    /// Whether they may name identities.
    package var mayNameIdentities: Bool { requiresKey || allowsClientIdentities }
}

/// The agents that callers without an access token may name.
package enum AllowedAgents: Hashable, Sendable, CustomStringConvertible {
    /// What stands in the setting for the empty name, which dispatches nobody.
    package static let noneWord = "none"

    case any
    /// - Parameter orNone: whether they may also ask for a room without an agent.
    case only(Set<String>, orNone: Bool)

    /// Whether a caller may name this one; the empty name asks for none.
    package func allows(_ agent: String) -> Bool {
        switch self {
        case .any: true
        case .only(let names, let orNone): agent.isEmpty ? orNone : names.contains(agent)
        }
    }

    package var description: String {
        switch self {
        case .any: "*"
        case .only(let names, let orNone): (names.sorted() + (orNone ? [Self.noneWord] : [])).joined(separator: ",")
        }
    }
}
