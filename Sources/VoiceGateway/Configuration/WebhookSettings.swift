package import HTTP

/// Who is told of calls, and where what waits is kept.
package struct WebhookSettings: Hashable, Sendable {
    package static let maximumReceivers = 8

    package var receivers: [HTTPURL]
    /// A directory; nil: in memory alone.
    package var spool: String?

    package init(receivers: [HTTPURL], spool: String? = nil) {
        self.receivers = receivers
        self.spool = spool
    }
}

extension WebhookSettings {
    /// Nil when nobody is told.
    static func read(_ settings: inout Settings) -> WebhookSettings? {
        let receivers = settings.read(GatewaySettings.webhookURL)
        let spool = settings.read(GatewaySettings.webhookSpool)
        if receivers == nil, spool != nil {
            settings.warn("WEBHOOK_SPOOL is set without WEBHOOK_URL, so nothing is ever kept there.")
        }
        return receivers.map { WebhookSettings(receivers: $0, spool: spool) }
    }
}
