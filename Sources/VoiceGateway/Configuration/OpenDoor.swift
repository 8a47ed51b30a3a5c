internal import ClientProtocol
internal import Wire

/// Tells an operator what everybody can do as the gateway is set up: most deployments ask for a key, and one that does not
/// may have been forgotten.
enum OpenDoor {
    /// One line about a deployment that everybody on the network can use without a key; nil when somebody has closed it.
    static func warning(about configuration: GatewayConfiguration) -> String? {
        guard case .deployment = configuration.roomServer, !configuration.access.requiresKey,
            !configuration.listenAddress.ip.isLoopback
        else { return nil }
        let access = configuration.access
        var deeds = [access.allowsClientRooms ? "join any room of LIVEKIT_URL" : "join a room of LIVEKIT_URL"]
        if access.allowsClientIdentities { deeds.append("under any identity") }
        let agents =
            switch access.allowedAgents {
            case .any: "any agent"
            case .only(let names, _):
                names.count == 1 ? "the agent \(names.first ?? "")" : "the agents of ALLOWED_AGENTS"
            }
        let hasAllOrigins = configuration.http.allowedOrigins.allowsAll
        return
            "Everybody who reaches \(configuration.listenAddress)\(hasAllOrigins ? ", every web page included," : "") can "
            + "\(deeds.joined(separator: " ")), start \(agents) and get access tokens, without a key: API_KEY_ENABLED=true with "
            + "API_KEYS closes this"
            + (hasAllOrigins ? ", ALLOWED_ORIGINS for web pages alone" : "") + ", HOST=127.0.0.1 for other machines."
    }
}
