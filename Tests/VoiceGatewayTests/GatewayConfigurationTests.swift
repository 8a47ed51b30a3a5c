import Bridge
import ClientProtocol
import HTTP
import Observability
import RedisClient
import Signalling
import Testing
import VoiceGateway
import Wire

@Suite("Settings of the gateway")
struct GatewayConfigurationTests {
    @Test("without settings everything is as the parts have it on their own")
    func defaults() throws {
        let configuration = try serve()
        #expect(configuration == GatewayConfiguration())
        #expect(configuration.limits.maximumMessageBytes == 16 << 20)
        #expect(
            configuration.tokens.livekitRoomName == "gemma-voice-room" && configuration.tokens.livekitTokenTTL == 86_400
        )
    }

    @Test("calls have an hour to end when the rooms are elsewhere, and none when they end with the process")
    func drain() throws {
        #expect(try serve().drain == DrainSettings(notice: .zero, limit: .zero))
        let deployment = ["LIVEKIT_URL": "ws://x.test", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"]
        #expect(
            try serve(environment: deployment).drain == DrainSettings(notice: .seconds(5), limit: .seconds(3600)))
        #expect(try serve("--drain-seconds 60 --drain-notice 1").drain.limit == .seconds(60))
    }

    @Test("a certificate and its key are set together")
    func tls() throws {
        let tls = try serve(environment: ["TLS_CERT": "a.pem", "TLS_KEY": "b.pem"]).tls
        #expect(tls == TLSSettings(certificate: "a.pem", key: "b.pem"))
        for (environment, sentence) in [
            (["TLS_CERT": "a.pem"], "TLS_CERT is set without TLS_KEY"),
            (["TLS_KEY": "b.pem"], "TLS_KEY is set without TLS_CERT"),
            (["TLS_CLIENT_CA": "c.pem"], "TLS_CLIENT_CA is set without TLS_CERT and TLS_KEY"),
            (["TLS_CLIENT_IDENTITY": "{cn}"], "TLS_CLIENT_IDENTITY is set without TLS_CLIENT_CA"),
            (
                ["TLS_CLIENT_CA": "c.pem", "TLS_CLIENT_IDENTITY": "device-{serial}"],
                "but it must have a name of the certificate in it: {cn}, {dns}, {uri}."
            ),
        ] {
            #expect {
                try serve(environment: environment)
            } throws: {
                "\($0)".contains(sentence)
            }
        }
    }

    /// A value for each setting that is not its default.
    private static let other = [
        "LIVEKIT_URL": "wss://x.test/", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s", "LIVEKIT_CA_FILE": ".env",
        "LIVEKIT_PUBLIC_URL": "wss://public.test/", "LIVEKIT_ROOM_NAME": "lobby", "LIVEKIT_TOKEN_TTL": "60",
        "AGENT_NAME": "a", "ROOM_KEY": "a passphrase", "ROOM_KEYS": "/dev/null", "DEV_PORT": "1", "PORT": "2",
        "HOST": "127.0.0.1", "TLS_CERT": "cert.pem",
        "TLS_KEY": "key.pem", "TLS_CLIENT_CA": "ca.pem", "TLS_CLIENT_IDENTITY": "device-{cn}",
        "THREADS": "3", "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "DRAIN_NOTICE": "7", "DRAIN_SECONDS": "8", "DRAIN_MOVES_PER_SECOND": "9",
        "API_KEY_ENABLED": "yes", "API_KEYS": "one, two", "API_KEY_HEADER_NAME": "X-Key", "ALLOW_CLIENT_ROOMS": "1",
        "ALLOW_CLIENT_IDENTITIES": "TRUE", "ALLOWED_AGENTS": "a,b,none", "DUPLICATE_IDENTITY": "refuse",
        "STRICT_IDENTITIES": "true",
        "XIAOZHI_DEVICES": "/nowhere/devices", "XIAOZHI_TOKEN_KEY": "shared",
        "TWILIO_AUTH_TOKEN": "twilio-token", "TWILIO_API_URL": "https://twilio.test", "TELNYX_API_KEY": "telnyx-key",
        "TELNYX_API_URL": "https://telnyx.test", "PLIVO_AUTH_ID": "MA1", "PLIVO_AUTH_TOKEN": "plivo-token",
        "PLIVO_API_URL": "https://plivo.test", "VONAGE_SIGNATURE_SECRET": "vonage-secret",
        "RATE_LIMIT_ENABLED": "on", "RATE_LIMIT_REQUESTS": "4", "RATE_LIMIT_WINDOW_SECONDS": "5",
        "RATE_LIMIT_BURST_MULTIPLIER": "2.5", "MAX_CONNECTIONS": "7", "MAX_CONNECTIONS_PER_ADDRESS": "6",
        "MAX_CONNECTIONS_PER_KEY": "5", "MAX_MESSAGE_BYTES": "1000000", "MAX_UTTERANCE_SECONDS": "8", "MAX_TRACKS": "4",
        "IDLE_TIMEOUT_SECONDS": "9", "MAX_SESSION_SECONDS": "10", "CONFIG_WAIT_MS": "11", "TURN_RPC_METHOD": "turn",
        "INTERRUPT_RPC_METHOD": "stop", "RESUME_GRACE_SECONDS": "12", "MAX_BACKLOG": "5", "OPUS_COMPLEXITY": "3",
        "OPUS_BITRATE": "64000", "THIN_UPLINK": "true", "PARTICIPANT_ATTRIBUTES": "site=berlin, tier=a=b",
        "PUBLIC_URL": "https://gateway.test",
        "ALLOWED_ORIGINS": "https://app.test", "REQUEST_ID_HEADER": "X-Trace", "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "PROXY_PROTOCOL": "true", "HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "a.test",
        "UNIX_SOCKET": "/run/gateway.sock",
        "PLAYGROUND": "true", "ADMIN_API_KEY": "admin-key-7", "ADMIN_PORT": "9", "ADMIN_HOST": "::1",
        "WEBHOOK_URL": "https://backend.test/a?key=1", "WEBHOOK_SPOOL": "/spool", "DISPATCH_TRACEPARENT": "false",
        "REDIS_URL": "rediss://user:p%40ss@redis.test/2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20a%2Cb, x-scope=c=d", "OTEL_SERVICE_NAME": "voice",
    ]

    private func expectOther(_ configuration: GatewayConfiguration) throws {
        #expect(
            try configuration.roomServer
                == .deployment(HTTPURL(base: "wss://x.test"), APICredentials(key: "k", secret: "s")))
        #expect(configuration.livekitCAFile == ".env" && configuration.agentName == "a")
        #expect(configuration.encryption.sharedSecret == EncryptionSecret("a passphrase"))
        #expect(configuration.tokens.livekitPublicURL == "wss://public.test/")
        #expect(configuration.tokens.livekitRoomName == "lobby" && configuration.tokens.livekitTokenTTL == 60)
        #expect(configuration.listenAddress == TransportAddress(ip: .loopbackV4, port: 2))
        #expect(configuration.threads == 3 && configuration.logLevel == .debug)
        #expect(
            configuration.drain == DrainSettings(notice: .seconds(7), limit: .seconds(8), movesPerSecond: 9))
        let access = configuration.access
        #expect(access.apiKeys == APIKeys(["one", "two"]) && access.apiKeyHeaderName == "X-Key")
        #expect(access.allowsClientRooms && access.allowsClientIdentities && access.duplicateIdentity == .refuse)
        #expect(access.hasStrictIdentities)
        #expect(access.allowedAgents == .only(["a", "b"], orNone: true))
        let carriers = configuration.carriers
        #expect(carriers.twilioAuthToken == "twilio-token" && carriers.telnyxAPIKey == "telnyx-key")
        #expect(carriers.plivoAuthID == "MA1" && carriers.plivoAuthToken == "plivo-token")
        #expect(carriers.vonageSignatureSecret == "vonage-secret")
        #expect(
            try [carriers.twilioAPI, carriers.telnyxAPI, carriers.plivoAPI]
                == ["twilio", "telnyx", "plivo"].map { try HTTPURL(base: "https://\($0).test") })
        #expect(configuration.devices.listPath == "/nowhere/devices" && configuration.devices.tokenKey == "shared")
        #expect(configuration.rateLimit == RateLimit(requests: 4, seconds: 5, burstMultiplier: 2.5))
        let limits = configuration.limits
        #expect(limits.maximumConnections == 7 && limits.maximumConnectionsPerAddress == 6)
        #expect(limits.maximumConnectionsPerKey == 5 && limits.maximumMessageBytes == 1_000_000)
        #expect(limits.maximumUtterance == .seconds(8) && limits.idleTimeout == .seconds(9))
        #expect(limits.maximumSession == .seconds(10))
        let conversation = configuration.conversation
        #expect(conversation.configWait == .milliseconds(11) && conversation.turnRPCMethod == "turn")
        #expect(conversation.resumeGrace == .seconds(12))
        #expect(conversation.interruptRPCMethod == "stop" && conversation.opus.complexity == 3)
        #expect(conversation.opus.bitrate == 64_000 && conversation.opus.link == .thin)
        #expect(conversation.attributes == ["site": "berlin", "tier": "a=b"])
        let http = configuration.http
        #expect(try http.publicURL == HTTPURL(base: "https://gateway.test") && http.requestIDHeader == "X-Trace")
        #expect(try http.allowedOrigins == OriginAllowList(setting: "https://app.test"))
        #expect(http.trustedProxies.contains(.v4(0x0A01_0203)) && http.trustedProxies.contains(.loopbackV6))
        #expect(http.hasPlayground)
        #expect(configuration.admin.key == APIKeys(["admin-key-7"]))
        let receivers = try [HTTPURL("https://backend.test/a?key=1")]
        #expect(configuration.webhooks == WebhookSettings(receivers: receivers, spool: "/spool"))
        #expect(!configuration.dispatchTraceparent)
        let traces = try TraceSettings(
            endpoint: HTTPURL("http://collector.test:4318"),
            headers: [
                TraceSettings.Header(name: "authorization", value: "Bearer a,b"),
                TraceSettings.Header(name: "x-scope", value: "c=d"),
            ], serviceName: "voice")
        #expect(configuration.traces == traces)
        let redis = RedisAddress(host: "redis.test", isSecure: true, user: "user", password: "p@ss", database: 2)
        #expect(configuration.redis == redis)
        #expect(configuration.admin.listenAddress == TransportAddress(ip: .loopbackV6, port: 9))
    }

    @Test("the page to talk from is there with the room server inside, and for a deployment only when asked for")
    func playground() throws {
        let deployment = ["LIVEKIT_URL": "wss://x.test", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"]
        #expect(try serve(environment: [:], file: "").http.hasPlayground)
        #expect(try !serve(environment: ["PLAYGROUND": "false"], file: "").http.hasPlayground)
        #expect(try !serve(environment: deployment, file: "").http.hasPlayground)
        #expect(try serve(environment: deployment, file: "PLAYGROUND=true").http.hasPlayground)
    }

    @Test("every setting can come from the environment")
    func fromEnvironment() throws {
        #expect(Set(Self.other.keys) == Set(GatewaySettings.all.map(\.variable)))
        try expectOther(serve(environment: Self.other, file: ""))
    }

    @Test("every setting can come from the settings file")
    func fromFile() throws {
        let file = Self.other.map { "\($0)=\"\($1)\"" }.joined(separator: "\n")
        try expectOther(serve(file: file))
    }

    @Test("every setting but the secrets can come from the command line")
    func fromOptions() throws {
        var arguments = ["serve"]
        var environment: [String: String] = [:]
        for setting in GatewaySettings.all {
            // The development room server has no place beside a deployment.
            if setting.variable == "DEV_PORT" { continue }
            let value = try #require(Self.other[setting.variable])
            if let flag = setting.flag {
                arguments += ["--\(flag)", value]
                environment[setting.variable] = "overridden"
            } else {
                environment[setting.variable] = value
            }
        }
        let invocation = try Invocation(arguments: arguments, environment: environment) { _ in "" }
        guard case .serve(let request) = invocation else { throw UsageError(["not serve"]) }
        try expectOther(request.configuration)
        #expect(
            GatewaySettings.all.filter { $0.flag == nil }.map(\.variable) == [
                "LIVEKIT_API_SECRET", "HTTPS_PROXY", "ROOM_KEY", "API_KEYS", "XIAOZHI_TOKEN_KEY", "TWILIO_AUTH_TOKEN",
                "TELNYX_API_KEY", "PLIVO_AUTH_TOKEN", "VONAGE_SIGNATURE_SECRET", "ADMIN_API_KEY", "REDIS_URL",
                "WEBHOOK_URL",
                "OTEL_EXPORTER_OTLP_HEADERS",
            ])
    }

    @Test("API keys close what callers may choose, unless the operator opens it")
    func closedByKeys() throws {
        let keys = ["API_KEY_ENABLED": "true", "API_KEYS": "k", "AGENT_NAME": "a"]
        let closed = try serve(environment: keys).access
        #expect(!closed.allowsClientRooms && !closed.allowsClientIdentities)
        #expect(
            closed.allowedAgents.allows("a") && !closed.allowedAgents.allows("b") && !closed.allowedAgents.allows(""))
        let open = try serve(environment: keys.merging(["ALLOWED_AGENTS": "*"]) { $1 }).access
        #expect(open.allowedAgents.allows("b") && open.allowedAgents.allows(""))
    }

    @Test(
        "each mistake is one sentence with the name, the value and what is allowed",
        arguments: [
            ("API_KEY_ENABLED", "maybe", "API_KEY_ENABLED is \"maybe\", but it must be true or false."),
            ("MAX_CONNECTIONS", "0", "MAX_CONNECTIONS is \"0\", but it must be a number from 1 to 1000000."),
            ("MAX_CONNECTIONS", "+5", "MAX_CONNECTIONS is \"+5\", but it must be a number from 1 to 1000000."),
            (
                "MAX_MESSAGE_BYTES", "16M",
                "MAX_MESSAGE_BYTES is \"16M\", but it must be a number from 1024 to 268435456."
            ),
            (
                "RATE_LIMIT_BURST_MULTIPLIER", "nan",
                "RATE_LIMIT_BURST_MULTIPLIER is \"nan\", but it must be a number from 0.001 to 1000.0."
            ),
            ("DUPLICATE_IDENTITY", "both", "DUPLICATE_IDENTITY is \"both\", but it must be take-over or refuse."),
            (
                "API_KEY_HEADER_NAME", "a b",
                "API_KEY_HEADER_NAME is \"a b\", but it must be the name of an HTTP header, of letters, digits and dashes."
            ),
            (
                "TURN_RPC_METHOD", String(repeating: "m", count: 65),
                "TURN_RPC_METHOD is \"\(String(repeating: "m", count: 65))\", but it has 65 bytes, allowed are 1 to 64."
            ),
            (
                "PUBLIC_URL", "gateway.test",
                "PUBLIC_URL is \"gateway.test\", but the scheme is \"\", allowed are ws, wss, http and https."
            ),
            (
                "LIVEKIT_PUBLIC_URL", "wss://me:hush@x",
                "LIVEKIT_PUBLIC_URL is \"wss://…@x\", but only scheme, host, port and path are allowed."
            ),
            (
                "ALLOWED_ORIGINS", "app.test",
                "ALLOWED_ORIGINS is \"app.test\", but \"app.test\" is not an origin; write *, null, file://, or scheme://host[:port], where the host may begin with *. and the port may be *."
            ),
            (
                "TRUSTED_PROXIES", "10.0.0.0/33",
                "TRUSTED_PROXIES is \"10.0.0.0/33\", but \"10.0.0.0/33\" is neither an address nor a network such as 10.0.0.0/8."
            ),
            ("ALLOWED_AGENTS", "*,a", "ALLOWED_AGENTS is \"*,a\", but * stands alone, without other names."),
            ("LIVEKIT_CA_FILE", "nowhere.pem", "LIVEKIT_CA_FILE is \"nowhere.pem\", but there is no such file."),
            ("API_KEYS", "hush,,hush2", "API_KEYS is set, but entry 2 of 3 is empty."),
            (
                "API_KEYS", "hush 1",
                "API_KEYS is set, but entry 1 of 1 has white space or characters beyond ASCII inside."
            ),
            ("API_KEYS", "hush,a,hush", "API_KEYS is set, but entry 3 of 3 is the same as entry 1."),
            (
                "API_KEYS", String(repeating: "h", count: 257),
                "API_KEYS is set, but entry 1 of 1 is longer than 256 characters."
            ),
        ])
    func sentences(variable: String, value: String, sentence: String) {
        #expect(mistakes("", environment: [variable: value]) == [sentence])
    }

    @Test(
        "what does not go together is told",
        arguments: [
            (
                ["API_KEY_ENABLED": "true"],
                "API_KEY_ENABLED is true without API_KEYS; set the keys that clients may present."
            ),
            (
                ["PROXY_PROTOCOL": "true"],
                "PROXY_PROTOCOL is true without TRUSTED_PROXIES; name the proxies, since nobody else may say whom it speaks for."
            ),
            (
                ["MAX_CONNECTIONS": "5", "MAX_CONNECTIONS_PER_ADDRESS": "6"],
                "MAX_CONNECTIONS_PER_ADDRESS is 6, but MAX_CONNECTIONS allows only 5 in all."
            ),
            (
                ["ALLOWED_AGENTS": "a,b"],
                "ALLOWED_AGENTS is \"a,b\", but AGENT_NAME's default \"custom-agent\" is not in it: clients that name no agent get that one."
            ),
            (
                ["RATE_LIMIT_REQUESTS": "1", "RATE_LIMIT_BURST_MULTIPLIER": "0.5"],
                "RATE_LIMIT_REQUESTS × RATE_LIMIT_BURST_MULTIPLIER is 1 × 0.5, but must be 1 at least: otherwise nobody is ever let in."
            ),
            (
                ["REQUEST_ID_HEADER": "x-api-key"],
                "REQUEST_ID_HEADER and API_KEY_HEADER_NAME are both \"x-api-key\": keys would show up in answers and in the log."
            ),
        ])
    func crossChecks(environment: [String: String], sentence: String) {
        #expect(mistakes("", environment: environment) == [sentence])
    }

    @Test("names that are nearly those of a setting are warned about, others are nobody's business")
    func misspelt() throws {
        let found = try warnings(
            environment: ["API_KEYS_ENABLED": "true", "HOME": "/", "POST": "1"],
            file: "LIVEKIT_URI=ws://h\nOPENAI_API_KEY=x\nmax_connections=3")
        #expect(
            found == [
                "API_KEYS_ENABLED in the environment is no setting. Did you mean API_KEY_ENABLED?",
                "LIVEKIT_URI in .env is no setting. Did you mean LIVEKIT_URL?",
                "max_connections in .env is no setting. Did you mean MAX_CONNECTIONS?",
            ])
    }

    @Test("a slip that is the reason for a mistake is told beside it")
    func misspeltReason() {
        #expect(throws: UsageError.self) {
            do throws(UsageError) {
                _ = try invoke("", environment: ["API_KEY_ENABLED": "true", "API_KEYZ": "hush"])
            } catch {
                #expect(error.warnings == ["API_KEYZ in the environment is no setting. Did you mean API_KEYS?"])
                throw error
            }
        }
    }

    @Test(
        "what is possible but hardly meant is warned about",
        arguments: [
            (["API_KEYS": "k"], "API_KEYS is set but API_KEY_ENABLED is not true, so nobody is asked for a key."),
            (
                ["MAX_CONNECTIONS_PER_KEY": "1"],
                "MAX_CONNECTIONS_PER_KEY limits nothing, because API_KEY_ENABLED is not true."
            ),
            (
                ["IDLE_TIMEOUT_SECONDS": "60", "MAX_SESSION_SECONDS": "60"],
                "IDLE_TIMEOUT_SECONDS is 60, but MAX_SESSION_SECONDS ends every session after 60 anyway."
            ),
            (
                ["MAX_MESSAGE_BYTES": "65536"],
                "MAX_MESSAGE_BYTES is 65536, but an utterance of MAX_UTTERANCE_SECONDS (60) as 16 kHz WAV makes a message of 2560124 bytes."
            ),
        ])
    func suspicious(environment: [String: String], warning: String) throws {
        #expect(try warnings(environment: environment) == [warning])
    }

    @Test("no setting is spared, numbers and URLs included")
    func invisibleEverywhere() {
        for setting in GatewaySettings.all {
            let value = (Self.other[setting.variable] ?? "") + "\n"
            let found = mistakes("", environment: Self.other.merging([setting.variable: value]) { $1 })
            let lists =
                ["API_KEYS", "ALLOWED_AGENTS", "ALLOWED_ORIGINS", "TRUSTED_PROXIES", "WEBHOOK_URL"]
                + ["OTEL_EXPORTER_OTLP_HEADERS", "NO_PROXY", "PARTICIPANT_ATTRIBUTES"]
            let isList = lists.contains(setting.variable)
            #expect(
                found.contains { $0.contains("\(setting.variable) is ") && $0.contains("is a line feed") } != isList)
        }
    }
}
