import HTTP
import Observability
import Signalling
import Testing
import VoiceGateway
import Wire

@Suite("Command line")
struct InvocationTests {
    private func serve(
        _ line: String, environment: [String: String] = [:], file: String? = nil
    ) throws -> GatewayConfiguration {
        let invocation = try invoke(line, environment: environment, file: file)
        guard case .serve(let request) = invocation else { throw UsageError(["not serve"]) }
        return request.configuration
    }

    @Test("without anything the gateway serves with a room server inside", arguments: ["", "serve"])
    func defaults(line: String) throws {
        let configuration = try serve(line)
        #expect(configuration.listenAddress == TransportAddress(ip: .anyV4, port: 3000))
        #expect(configuration.roomServer == .development(port: 7880, .development))
        #expect(configuration.agentName == "custom-agent")
        #expect(configuration.logLevel == .info)
        #expect(configuration.threads == nil && configuration.livekitCAFile == nil)
        #expect(configuration.conversation.resumeGrace == .zero)
    }

    @Test("options go before the environment, the environment before the file")
    func precedence() throws {
        let file = "PORT=1\nAGENT_NAME=of-file\nHOST=::1\nLOG_LEVEL=debug"
        let environment = ["PORT": "2", "AGENT_NAME": "of-environment", "LOG_LEVEL": ""]
        let configuration = try serve("--port 3 --dev-port=4 --threads 5", environment: environment, file: file)
        #expect(configuration.listenAddress == TransportAddress(ip: .loopbackV6, port: 3))
        #expect(configuration.agentName == "of-environment")
        #expect(configuration.logLevel == .debug)
        #expect(configuration.roomServer == .development(port: 4, .development))
        #expect(configuration.threads == 5)
    }

    @Test("a deployment takes a URL, a key and a secret")
    func deploys() throws {
        let configuration = try serve("", environment: deployment)
        let url = try HTTPURL(base: "wss://x.test")
        #expect(configuration.roomServer == .deployment(url, APICredentials(key: "k", secret: "s")))
    }

    @Test("a secret is never printed")
    func hidesSecrets() {
        let text = "\(APICredentials(key: "k", secret: "hush"))"
        #expect(!text.contains("hush"))
    }

    @Test(
        "each mistake is one clear sentence",
        arguments: [
            ("--port 70000", "--port is \"70000\", but it must be a port from 1 to 65535 (0 lets the system choose)."),
            ("--port -1", "--port is \"-1\", but it must be a port from 1 to 65535 (0 lets the system choose)."),
            ("--port", "--port needs a value: --port PORT."),
            ("--prot 1", "serve has no option --prot. Did you mean --port?"),
            ("-x", "serve has no option -x."), ("--port 1 --port 2", "--port is given more than once."),
            ("--host h.test", "--host is \"h.test\", but it must be an IP address such as 0.0.0.0, 127.0.0.1 or ::."),
            ("serve extra", "serve takes no \"extra\"."),
            ("sevre", "There is no subcommand sevre. Did you mean serve?"),
            (
                "fly",
                "There is no subcommand fly. There are serve, check-config, dev-server, token, call, load, doctor, top, completion, man-page."
            ),
            ("--resume-grace 301", "--resume-grace is \"301\", but it must be a number from 0 to 300."),
            ("--threads 0", "--threads is \"0\", but it must be a number from 1 to 256."),
            ("--log-level loud", "--log-level is \"loud\", but it must be debug, info, warning or error."),
            ("--port 7880", "--port and --dev-port are both 7880, but clients and the room server need a port each."),
            ("--agent-name=", "--agent-name is \"\", but it must be a text of 1 to 128 characters."),
            ("--env-file nowhere", "The settings file nowhere does not exist."),
            ("call", "call needs one URL, for example ws://127.0.0.1:3000/ws."),
            ("call http://h", "The URL http://h must begin with ws:// or wss://."),
        ])
    func sentences(line: String, sentence: String) {
        #expect(mistakes(line) == [sentence])
    }

    @Test("all mistakes are named at once")
    func allAtOnce() {
        let environment = ["LIVEKIT_URL": "ftp://h", "LIVEKIT_API_KEY": "k", "PORT": "x"]
        #expect(
            mistakes("--log-level loud --nothing", environment: environment) == [
                "serve has no option --nothing.",
                "LIVEKIT_URL is \"ftp://h\", but the scheme is \"ftp\", allowed are ws, wss, http and https.",
                "LIVEKIT_API_KEY is set without LIVEKIT_API_SECRET; set the secret that belongs to the key.",
                "PORT is \"x\", but it must be a port from 1 to 65535 (0 lets the system choose).",
                "--log-level is \"loud\", but it must be debug, info, warning or error.",
            ])
    }

    @Test("a URL without key and secret is one mistake, and says what to do")
    func missingKeys() {
        #expect(
            mistakes("", environment: ["LIVEKIT_URL": "ws://h"]) == [
                "LIVEKIT_URL is set without LIVEKIT_API_KEY and LIVEKIT_API_SECRET; set both, or leave LIVEKIT_URL out to "
                    + "use the development room server."
            ])
    }

    @Test("the development room server never runs beside a deployment", arguments: ["dev-server", "--dev-port 1"])
    func neverBoth(line: String) {
        #expect(mistakes(line, environment: deployment).count == 1)
    }

    @Test("the development room server listens at loopback unless told otherwise")
    func devServer() throws {
        let invocation = try invoke("dev-server --port 0")
        guard case .devServer(let configuration) = invocation else {
            Issue.record("\(invocation)")
            return
        }
        #expect(configuration.listenAddress == TransportAddress(ip: .loopbackV4, port: 0))
        #expect(configuration.credentials == .development)
    }

    @Test("a call takes a URL and what to say")
    func calls() throws {
        let invocation = try invoke("call --play a.wav ws://h/ws --record=b.wav --text hello")
        guard case .call(let request) = invocation else {
            Issue.record("\(invocation)")
            return
        }
        #expect(request.shownAddress == "ws://h/ws")
        #expect(request.play == "a.wav" && request.record == "b.wav" && request.texts == ["hello"])
    }

    @Test(
        "help is there for every subcommand, however one asks, and names every option", arguments: Subcommand.allCases)
    func help(command: Subcommand) throws {
        for line in ["\(command.rawValue) --help", "--help \(command.rawValue)", "help \(command.rawValue)"] {
            let invocation = try invoke(line)
            guard case .print(let text) = invocation else {
                Issue.record("\(invocation)")
                return
            }
            #expect(command.options.allSatisfy { text.contains("--\($0.name)") })
        }
    }

    @Test("the overview and the version are there")
    func overview() throws {
        let overview = try invoke("--help")
        #expect(overview == .print(HelpText.overview))
        let version = try invoke("--version")
        #expect(version == .print(HelpText.version + "\n"))
    }
}
