package import HTTP
internal import Wire

/// Who collects traces.
package struct TraceSettings: Hashable, Sendable {
    /// A header that requests have.
    package struct Header: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// To which `/v1/traces` is added.
    package var endpoint: HTTPURL
    package var headers: [Header]
    package var serviceName: String

    package init(endpoint: HTTPURL, headers: [Header] = [], serviceName: String) {
        self.endpoint = endpoint
        self.headers = headers
        self.serviceName = serviceName
    }
}

extension TraceSettings {
    /// The port of OTLP over gRPC, which does not understand JSON.
    private static let grpcPort: UInt16 = 4317

    /// Nil when nobody collects them.
    static func read(_ settings: inout Settings) -> TraceSettings? {
        let endpoint = settings.read(GatewaySettings.otelEndpoint)
        let headers = settings.read(GatewaySettings.otelHeaders)
        let serviceName = settings.read(GatewaySettings.otelServiceName)
        guard let endpoint else {
            if headers != nil {
                settings.warn(
                    "OTEL_EXPORTER_OTLP_HEADERS is set without OTEL_EXPORTER_OTLP_ENDPOINT, so no traces are sent.")
            }
            return nil
        }
        if endpoint.origin.port == grpcPort {
            settings.warn(
                "OTEL_EXPORTER_OTLP_ENDPOINT has port 4317, where collectors speak gRPC; OTLP over HTTP is at 4318 mostly."
            )
        }
        return TraceSettings(endpoint: endpoint, headers: headers ?? [], serviceName: serviceName)
    }
}

extension SettingKind where Value == [TraceSettings.Header] {
    /// As OpenTelemetry's SDKs have it: names and values percent-encoded, as in W3C Baggage.
    static var headers: SettingKind {
        SettingKind(
            "HEADERS", "headers such as authorization=Bearer%20abc, separated by commas", isList: true
        ) { text throws(InvalidSetting) in
            let entries = text.split(separator: ",", omittingEmptySubsequences: false)
            var headers: [TraceSettings.Header] = []
            for (index, entry) in entries.enumerated() {
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, case let name = String(parts[0].trimmed(.whiteSpace)),
                    case let value = PercentEncoding.decoded(parts[1].trimmed(.whiteSpace).utf8),
                    HTTPSyntax.isToken(name), HTTPSyntax.isValue(value)
                else { throw InvalidSetting("entry \(index + 1) of \(entries.count) is no name=value of a header") }
                headers.append(TraceSettings.Header(name: name, value: value))
            }
            return headers
        }
    }
}
