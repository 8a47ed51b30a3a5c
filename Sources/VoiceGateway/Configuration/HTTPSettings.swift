package import ClientProtocol
package import HTTP

/// How the gateway shows itself to browsers and proxies.
package struct HTTPSettings: Hashable, Sendable {
    /// The gateway's own address as clients reach it; nil: as the request's `Host` header says.
    package var publicURL: HTTPURL?
    /// The web pages that may connect and call.
    package var allowedOrigins = GatewaySettings.allowedOrigins.standard
    /// The header in which requests bring their id and answers take it back.
    package var requestIDHeader = GatewaySettings.requestIDHeader.standard
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
    package var trustedProxies = GatewaySettings.trustedProxies.standard
    /// Whether connections of trusted proxies begin with a PROXY protocol header.
    package var hasProxyProtocol = GatewaySettings.proxyProtocol.standard
    /// Whether `GET /` shows browsers a page to talk from.
    package var hasPlayground = true

    package init() {}
}
