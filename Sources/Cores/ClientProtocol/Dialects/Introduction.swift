internal import Wire

/// What a client shows to be let in.
package enum Credential: Hashable, Sendable {
    case apiKey(String)
    /// A LiveKit access token.
    case accessToken(String)
}

/// What a message says about who its sender is, before the sender is let in.
package enum Introduction: Hashable, Sendable {
    /// - Parameter isForSession: the message says more than that, so the session gets it as well.
    case credential(Credential, isForSession: Bool)
    /// The message belongs to the opening; a later one says it.
    case later
    /// The sender has nothing to show.
    case nothing

    /// As the gateway's own protocols write it: `auth` with a key, or `config` with an access token.
    init(json text: [UInt8]) {
        self = .nothing
        guard let message = try? JSONValue(parsing: text) else { return }
        switch message["type"]?.string {
        case "auth":
            if let key = message["apiKey"]?.string { self = .credential(.apiKey(key), isForSession: false) }
        case "config":
            guard let token = message["data"]?["access_token"]?.string, !token.isEmpty else { return }
            self = .credential(.accessToken(token), isForSession: true)
        default: break
        }
    }
}
