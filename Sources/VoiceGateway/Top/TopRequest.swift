package import HTTP
internal import Wire

/// What `VoiceGateway top` shall do.
package struct TopRequest: Hashable, Sendable {
    /// The options of the subcommand.
    package static let options = [
        Option(
            "url", value: "URL",
            "the gateway's admin API, http:// or https:// (default: on this machine, where the settings say)"),
        Option("interval", value: "SECONDS", "how often it is asked (default \(Int(standardInterval)))"),
        Option(
            "sort", value: "COLUMN", choices: CallColumn.allCases.map(\.rawValue),
            "which calls stand above: by \(CallColumn.allCases.map(\.rawValue).joined(separator: ", ")) (default time)"),
        Option("reverse", "the other way round"),
        Option("once", "print all calls once, and end"),
        Option("ca-file", value: "FILE", "authorities to trust in place of the system's, as a PEM file"),
    ]

    static let standardInterval = 2.0
    static let intervals = 0.2...3600.0

    /// Where the paths of the admin API are appended.
    package let url: HTTPURL
    /// The operator's key. Never shown.
    let key: String
    package let interval: Duration
    package let table: Table
    package let isOnce: Bool
    package let certificateFile: String?

    /// How calls are sorted.
    package struct Table: Hashable, Sendable {
        package let sort: CallColumn
        package let isReversed: Bool
    }

    /// - Parameter settings: with the settings file read; it may be that of the gateway.
    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let options = settings.options
        let key = settings.read(GatewaySettings.adminAPIKey)
        if key == nil {
            settings.add(
                "ADMIN_API_KEY is not set; set it in the environment to the key that the gateway has, or name the gateway's settings file: --env-file FILE."
            )
        }
        let url = Self.url(&settings)
        var interval = Self.standardInterval
        if let text = options["interval"] {
            let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
            if let seconds = Double(digits), Self.intervals.contains(seconds) {
                interval = seconds
            } else {
                settings.add("--interval is \"\(text)\", but it must be a number of seconds from 0.2 to 3600.")
            }
        }
        let sort = CallColumn(rawValue: options["sort"] ?? CallColumn.time.rawValue)
        if sort == nil {
            let names = CallColumn.allCases.map(\.rawValue).joined(separator: ", ")
            settings.add("--sort is \"\(options["sort"] ?? "")\", but the columns are \(names).")
        }
        try settings.finish()
        guard let url, let key else { throw UsageError([]) }
        self.url = url
        self.key = key
        self.interval = .milliseconds(Int64(interval * 1000))
        table = Table(sort: sort ?? .time, isReversed: options.contains("reverse"))
        isOnce = options.contains("once")
        certificateFile = options["ca-file"]
    }

    private static func url(_ settings: inout Settings) -> HTTPURL? {
        if let text = settings.options["url"] {
            do throws(HTTPURL.Failure) {
                return try HTTPURL(base: text)
            } catch {
                settings.add("--url is \"\(Settings.shortened(text))\", but \(error).")
                return nil
            }
        }
        let clients = TransportAddress(
            ip: settings.read(GatewaySettings.host), port: settings.read(GatewaySettings.port))
        let host = settings.read(GatewaySettings.adminHost)
        let address = settings.read(GatewaySettings.adminPort).map { TransportAddress(ip: host, port: $0) } ?? clients
        let reachable = DevServerBanner.reachable(address)
        let isSecure = settings.read(GatewaySettings.tlsCert) != nil
        return HTTPURL(
            origin: HTTPOrigin(isSecure: isSecure, host: reachable.ip.description, port: reachable.port))
    }
}
