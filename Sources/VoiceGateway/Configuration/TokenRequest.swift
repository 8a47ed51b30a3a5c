package import Signalling

/// What a token shall say.
package struct TokenRequest: Hashable, Sendable {
    /// Ten years: longer is a slip.
    package static let maximumLifetime: Int64 = 10 * 365 * 86_400

    /// Everything but the times.
    package let claims: AccessToken
    /// In seconds.
    package let lifetime: Int64
    package let credentials: APICredentials

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let options = settings.options
        let room = options["room"] ?? ""
        var claims = AccessToken()
        claims.identity = options["identity"] ?? ""
        claims.name = options["name"] ?? ""
        claims.metadata = options["metadata"] ?? ""
        claims.video = Self.grant(&settings, room: room)
        claims.attributes = Self.attributes(&settings)
        claims.roomConfig = Self.dispatch(&settings)
        if claims.video.agent, !claims.video.roomJoin {
            // A worker's token opens the worker socket and no room.
        } else if claims.video.roomJoin {
            if room.isEmpty { settings.add("token needs --room to grant joining it (or --grant roomJoin=false).") }
            if claims.identity.isEmpty { settings.add("token needs --identity: who joins the room.") }
        }
        lifetime = Self.lifetime(&settings)
        let hasURL = settings.isSet(GatewaySettings.livekitURL)
        let pair = settings.credentials()
        if hasURL, pair == nil, !settings.isSet(GatewaySettings.livekitAPIKey),
            !settings.isSet(GatewaySettings.livekitAPISecret)
        {
            settings.add(
                "LIVEKIT_URL is set without LIVEKIT_API_KEY and LIVEKIT_API_SECRET; set both to sign tokens for it.")
        }
        credentials = pair ?? .development
        claims.key = credentials.key
        self.claims = claims
        try settings.finish()
    }

    // MARK: Grants

    private static let flags: [(name: String, path: any WritableKeyPath<VideoGrant, Bool> & Sendable)] = [
        ("roomJoin", \.roomJoin), ("roomCreate", \.roomCreate), ("roomList", \.roomList), ("roomRecord", \.roomRecord),
        ("roomAdmin", \.roomAdmin), ("ingressAdmin", \.ingressAdmin), ("hidden", \.hidden), ("recorder", \.recorder),
        ("agent", \.agent),
    ]
    private static let choices: [(name: String, path: any WritableKeyPath<VideoGrant, Bool?> & Sendable)] = [
        ("canPublish", \.canPublish), ("canSubscribe", \.canSubscribe), ("canPublishData", \.canPublishData),
        ("canUpdateOwnMetadata", \.canUpdateOwnMetadata), ("canSubscribeMetrics", \.canSubscribeMetrics),
    ]

    /// Joining the room with all that calls need, changed by each `--grant`. A grant of another service (a worker's, an
    /// administrator's) without a room to join leaves the joining out.
    private static func grant(_ settings: inout Settings, room: String) -> VideoGrant {
        let given = settings.options.values["grant"] ?? []
        let isForJoining = given.isEmpty || !room.isEmpty && settings.options["identity"] != nil
        var grant = isForJoining ? VideoGrant.join(room: room) : VideoGrant()
        grant.room = room
        for text in given {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            if name == "canPublishSources" {
                let names = parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : []
                let sources = names.compactMap { source(named: $0) }
                if sources.isEmpty || sources.count != names.count {
                    settings.add(
                        "--grant canPublishSources needs a list of microphone, camera, screen_share and screen_share_audio."
                    )
                }
                grant.canPublishSources = sources
                continue
            }
            guard parts.count == 1 || parts[1] == "true" || parts[1] == "false" else {
                settings.add("--grant \(name) is \"\(parts[1])\", but a grant is true or false.")
                continue
            }
            let isGranted = parts.count == 1 || parts[1] == "true"
            if let flag = flags.first(where: { $0.name == name }) {
                grant[keyPath: flag.path] = isGranted
            } else if let choice = choices.first(where: { $0.name == name }) {
                grant[keyPath: choice.path] = isGranted
            } else {
                let names = (flags.map(\.name) + choices.map(\.name) + ["canPublishSources"]).joined(separator: ", ")
                settings.add("There is no grant \(name). There are \(names).")
            }
        }
        return grant
    }

    private static func source(named name: String) -> TrackSource? {
        switch name {
        case "microphone": .microphone
        case "camera": .camera
        case "screen_share": .screenShare
        case "screen_share_audio": .screenShareAudio
        default: nil
        }
    }

    // MARK: Others

    private static func attributes(_ settings: inout Settings) -> [String: String] {
        var attributes: [String: String] = [:]
        for text in settings.options.values["attribute"] ?? [] {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                settings.add("--attribute is \"\(text)\", but it must be NAME=VALUE.")
                continue
            }
            attributes[String(parts[0])] = String(parts[1])
        }
        return attributes
    }

    private static func dispatch(_ settings: inout Settings) -> RoomConfiguration? {
        guard let agent = settings.options["agent"] else {
            if settings.options.contains("agent-metadata") { settings.add("--agent-metadata needs --agent.") }
            return nil
        }
        let metadata = settings.options["agent-metadata"] ?? ""
        return .with {
            $0.agents = [
                .with {
                    $0.agentName = agent
                    $0.metadata = metadata
                }
            ]
        }
    }

    /// `90`, `90s`, `15m`, `6h` or `7d`.
    private static func lifetime(_ settings: inout Settings) -> Int64 {
        guard let text = settings.options["ttl"] else { return AccessToken.defaultLifetime }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        var digits = Substring(text)
        var factor: Int64 = 1
        if let last = text.last, let unit = units[last] {
            factor = unit
            digits = text.dropLast()
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(digits), count > 0,
            count <= maximumLifetime / factor
        else {
            settings.add("--ttl is \"\(text)\", but it must be a time such as 90s, 15m, 6h or 7d, at most ten years.")
            return AccessToken.defaultLifetime
        }
        return count * factor
    }
}
