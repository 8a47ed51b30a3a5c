internal import Bridge
internal import ClientProtocol

// The groups of settings as they are read, with what must hold among several of them.

extension AccessPolicy {
    init(_ settings: inout Settings, agentName: String) {
        self.init()
        let isEnabled = settings.read(GatewaySettings.apiKeyEnabled)
        let keys = settings.read(GatewaySettings.apiKeys)
        if isEnabled, !settings.isSet(GatewaySettings.apiKeys) {
            settings.add("API_KEY_ENABLED is true without API_KEYS; set the keys that clients may present.")
        }
        if !isEnabled, keys != nil {
            settings.warn("API_KEYS is set but API_KEY_ENABLED is not true, so nobody is asked for a key.")
        }
        apiKeys = isEnabled ? APIKeys(keys ?? []) : nil
        apiKeyHeaderName = settings.read(GatewaySettings.apiKeyHeaderName)
        allowsClientRooms = settings.read(GatewaySettings.allowClientRooms) ?? !isEnabled
        allowsClientIdentities = settings.read(GatewaySettings.allowClientIdentities) ?? !isEnabled
        let agents = settings.read(GatewaySettings.allowedAgents)
        if let agents, !agents.allows(agentName) {
            let name = settings.isSet(GatewaySettings.agentName) ? "AGENT_NAME" : "AGENT_NAME's default"
            settings.add(
                "ALLOWED_AGENTS is \"\(agents)\", but \(name) \"\(agentName)\" is not in it: clients that name no agent get "
                    + "that one.")
        }
        allowedAgents = agents ?? (isEnabled ? .only([agentName], orNone: false) : .any)
        settings.resolve(GatewaySettings.allowClientRooms, as: "\(allowsClientRooms)")
        settings.resolve(GatewaySettings.allowClientIdentities, as: "\(allowsClientIdentities)")
        settings.resolve(GatewaySettings.allowedAgents, as: "\(allowedAgents)")
        duplicateIdentity = settings.read(GatewaySettings.duplicateIdentity)
        hasStrictIdentities = settings.read(GatewaySettings.strictIdentities)
    }
}

extension ConnectionLimits {
    /// - Parameter hasKeys: whether API keys are asked for.
    init(_ settings: inout Settings, hasKeys: Bool) {
        self.init()
        maximumConnections = settings.read(GatewaySettings.maxConnections)
        let perAddress = settings.read(GatewaySettings.maxConnectionsPerAddress)
        let perKey = settings.read(GatewaySettings.maxConnectionsPerKey)
        for (name, count) in [("MAX_CONNECTIONS_PER_ADDRESS", perAddress), ("MAX_CONNECTIONS_PER_KEY", perKey)]
        where count > maximumConnections {
            settings.add("\(name) is \(count), but MAX_CONNECTIONS allows only \(maximumConnections) in all.")
        }
        if perKey > 0, !hasKeys {
            settings.warn("MAX_CONNECTIONS_PER_KEY limits nothing, because API_KEY_ENABLED is not true.")
        }
        maximumConnectionsPerAddress = perAddress > 0 ? perAddress : nil
        maximumConnectionsPerKey = perKey > 0 ? perKey : nil
        maximumMessageBytes = settings.read(GatewaySettings.maxMessageBytes)
        let utterance = settings.read(GatewaySettings.maxUtteranceSeconds)
        maximumUtterance = .seconds(utterance)
        if Self.messageBytes(ofWAVSeconds: utterance) > maximumMessageBytes {
            settings.warn(
                "MAX_MESSAGE_BYTES is \(maximumMessageBytes), but an utterance of MAX_UTTERANCE_SECONDS (\(utterance)) as "
                    + "16 kHz WAV makes a message of \(Self.messageBytes(ofWAVSeconds: utterance)) bytes.")
        }
        maximumTracks = settings.read(GatewaySettings.maxTracks)
        let idle = settings.read(GatewaySettings.idleTimeoutSeconds)
        let session = settings.read(GatewaySettings.maxSessionSeconds)
        if session > 0, idle >= session {
            settings.warn(
                "IDLE_TIMEOUT_SECONDS is \(idle), but MAX_SESSION_SECONDS ends every session after \(session) anyway.")
        }
        idleTimeout = idle > 0 ? .seconds(idle) : nil
        maximumSession = session > 0 ? .seconds(session) : nil
    }

    /// Bytes of the JSON message that brings so much 16-bit sound of 16 kHz as a WAV file in base64.
    private static func messageBytes(ofWAVSeconds seconds: Int) -> Int { (44 + seconds * 32_000 + 2) / 3 * 4 + 64 }
}

extension TokenSettings {
    init(_ settings: inout Settings) {
        self.init()
        // What clients are told is what the operator wrote, to the letter.
        let isUsable = settings.read(GatewaySettings.livekitPublicURL) != nil
        livekitPublicURL = isUsable ? settings.text(of: GatewaySettings.livekitPublicURL)?.text : nil
        if livekitPublicURL == nil { livekitPublicURL = settings.text(of: GatewaySettings.livekitURL)?.text }
        if let url = livekitPublicURL {
            settings.resolve(GatewaySettings.livekitPublicURL, as: Settings.shortened(url))
        }
        livekitRoomName = settings.read(GatewaySettings.livekitRoomName)
        livekitTokenTTL = settings.read(GatewaySettings.livekitTokenTTL)
    }
}

extension ConversationSettings {
    init(_ settings: inout Settings) {
        self.init()
        configWait = .milliseconds(settings.read(GatewaySettings.configWaitMS))
        turnRPCMethod = settings.read(GatewaySettings.turnRPCMethod)
        interruptRPCMethod = settings.read(GatewaySettings.interruptRPCMethod)
        resumeGrace = .seconds(settings.read(GatewaySettings.resumeGraceSeconds))
        attributes = settings.read(GatewaySettings.participantAttributes) ?? [:]
        maximumBacklog = .seconds(settings.read(GatewaySettings.maxBacklog))
        opus.link = settings.read(GatewaySettings.thinUplink) ? .thin : .wide
        opus.bitrate = settings.read(GatewaySettings.opusBitrate)
        opus.complexity = settings.read(GatewaySettings.opusComplexity)
    }
}

extension HTTPSettings {
    init(_ settings: inout Settings, _ access: AccessPolicy) {
        self.init()
        publicURL = settings.read(GatewaySettings.publicURL)
        allowedOrigins = settings.read(GatewaySettings.allowedOrigins)
        requestIDHeader = settings.read(GatewaySettings.requestIDHeader)
        trustedProxies = settings.read(GatewaySettings.trustedProxies)
        hasProxyProtocol = settings.read(GatewaySettings.proxyProtocol)
        if hasProxyProtocol, !settings.isSet(GatewaySettings.trustedProxies) {
            settings.add(
                "PROXY_PROTOCOL is true without TRUSTED_PROXIES; name the proxies, since nobody else may say whom it speaks for."
            )
        }
        hasPlayground =
            settings.read(GatewaySettings.playground) ?? !settings.isSet(GatewaySettings.livekitURL)
        settings.resolve(GatewaySettings.playground, as: "\(hasPlayground)")
        if requestIDHeader.lowercased() == access.apiKeyHeaderName.lowercased() {
            settings.add(
                "REQUEST_ID_HEADER and API_KEY_HEADER_NAME are both \"\(requestIDHeader)\": keys would show up in answers and "
                    + "in the log.")
        }
    }
}
