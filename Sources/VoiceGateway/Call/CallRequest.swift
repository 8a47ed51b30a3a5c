package import ClientProtocol
package import HTTP
internal import Wire

/// What `VoiceGateway call` shall do.
package struct CallRequest: Hashable, Sendable {
    /// The options of the subcommand.
    package static let options = [
        Option("play", value: "FILE", "speak a WAV file as soon as the agent listens"),
        Option("record", value: "FILE", "write what is heard to a WAV file"),
        Option("text", value: "TEXT", isRepeatable: true, "send a text, after what is played"),
        Option("duration", value: "SECONDS", "hang up after that time (default: when the reply has ended)"),
        Option(
            "param", value: "NAME=VALUE", isRepeatable: true, "a session parameter: room, identity, agent, encoding, …"),
        Option("ca-file", value: "FILE", "authorities to trust in place of the system's, as a PEM file"),
        Option("json", "print events as the JSON that arrives"),
    ]

    /// A day: longer is a slip.
    static let maximumSeconds = 86_400.0
    static func needsURL(_ command: String) -> String {
        "\(command) needs one URL, for example ws://127.0.0.1:3000/ws."
    }
    /// What the gateway's path for devices is called, for a URL without a path.
    static let defaultPath = "/ws"

    /// Without the session parameters.
    package let url: HTTPURL
    /// The session parameters of the URL's query and of `--param`, in their order.
    package let parameters: [Parameter]
    /// The same as the gateway will understand them.
    package let session: SessionParameters
    /// The dialect of the path.
    package let dialect: DialectDescriptor
    /// Whether the gateway says what the agent does.
    let isToldOfAgents: Bool
    package let play: String?
    package let record: String?
    package let texts: [String]
    package let duration: Duration?
    package let certificateFile: String?
    package let showsJSON: Bool

    /// One session parameter.
    package struct Parameter: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let options = settings.options
        play = options["play"]
        record = options["record"]
        texts = options.values["text"] ?? []
        certificateFile = options["ca-file"]
        showsJSON = options.contains("json")
        duration = Self.duration(&settings)
        let (base, query) = Self.address(&settings, command: "call")
        var parameters = QueryString(query).items.map { Parameter(name: $0.name, value: $0.value) }
        for text in options.values["param"] ?? [] {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                settings.add("--param is \"\(text)\", but it must be NAME=VALUE.")
                continue
            }
            parameters.append(Parameter(name: String(parts[0]), value: String(parts[1])))
        }
        self.parameters = parameters
        let path = base?.target ?? Self.defaultPath
        let dialect = ClientDialects.dialect(atEndOf: path)
        var session = dialect.descriptor.defaults
        do throws(InvalidParameter) {
            try session.apply(query: parameters.map { ($0.name, $0.value) })
        } catch {
            settings.add("The session parameter \(error.name) is \"\(error.value)\"; allowed: \(error.allowed).")
        }
        self.session = session
        self.dialect = dialect.descriptor
        isToldOfAgents = dialect.init(session, limits: RecordingLimits()).tellsSession
        for name in ["play", "record", "text"] where settings.options[name] == "" {
            settings.add("--\(name) must not be empty.")
        }
        try settings.finish()
        guard let base else { throw UsageError([Self.needsURL("call")]) }
        url = base
    }

    /// The URL without its query, and the query.
    static func address(_ settings: inout Settings, command: String) -> (url: HTTPURL?, query: String) {
        let words = settings.options.words
        guard words.count == 1, let text = words.first else {
            settings.add(needsURL(command))
            return (nil, "")
        }
        guard ["ws://", "wss://"].contains(where: { text.lowercased().hasPrefix($0) }) else {
            settings.add("The URL \(text.prefix(200)) must begin with ws:// or wss://.")
            return (nil, "")
        }
        do throws(HTTPURL.Failure) {
            let whole = try HTTPURL(text)
            let halves = whole.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            let url = HTTPURL(origin: whole.origin, target: String(halves[0]))
            let query = halves.count == 2 ? String(halves[1]) : ""
            return (url.target == "/" ? url.appending(defaultPath) : url, query)
        } catch {
            settings.add("The URL \(text.prefix(200)) cannot be used: \(error).")
            return (nil, "")
        }
    }

    private static func duration(_ settings: inout Settings) -> Duration? {
        guard let text = settings.options["duration"] else { return nil }
        let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
        guard let seconds = Double(digits), seconds > 0, seconds <= maximumSeconds else {
            settings.add("--duration is \"\(text)\", but it must be a number of seconds up to \(Int(maximumSeconds)).")
            return nil
        }
        return .milliseconds(Int64(seconds * 1000))
    }

    /// Whether something is said, so that a reply can be expected.
    package var speaks: Bool { play != nil || !texts.isEmpty }

    /// The address to connect to.
    ///
    /// - Parameter sampleRate: of what will be spoken, unless the parameters name one.
    package func address(sampleRate: Int?) -> HTTPURL {
        var parameters = parameters
        if let sampleRate, !parameters.contains(where: { $0.name == "sample_rate" }) {
            parameters.append(Parameter(name: "sample_rate", value: String(sampleRate)))
        }
        guard !parameters.isEmpty else { return url }
        let query = parameters.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }.joined(separator: "&")
        return url.appending("?" + query)
    }

    /// The address for people: without the query, which may hold tokens.
    package var shownAddress: String { url.webSocketText }

    /// Everything but RFC 3986's unreserved characters as `%XY`.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
