package import HTTP

/// What telephone carriers and the gateway know of each other.
package struct CarrierSettings: Hashable, Sendable {
    /// Signs what Twilio asks of us, and lets us end calls; nil: Twilio's signature is not asked for.
    package var twilioAuthToken: String?
    package var twilioAPI: HTTPURL?
    package var telnyxAPIKey: String?
    package var telnyxAPI: HTTPURL?
    package var plivoAuthID: String?
    /// Signs the streams of Plivo, and lets us end calls.
    package var plivoAuthToken: String?
    package var plivoAPI: HTTPURL?
    /// Signs the WebSockets of Vonage; nil: they need not be signed.
    package var vonageSignatureSecret: String?

    package init() {}
}

extension CarrierSettings {
    init(_ settings: inout Settings) {
        self.init()
        twilioAuthToken = settings.read(GatewaySettings.twilioAuthToken)
        twilioAPI = settings.read(GatewaySettings.twilioAPIURL)
        telnyxAPIKey = settings.read(GatewaySettings.telnyxAPIKey)
        telnyxAPI = settings.read(GatewaySettings.telnyxAPIURL)
        plivoAuthID = settings.read(GatewaySettings.plivoAuthID)
        plivoAuthToken = settings.read(GatewaySettings.plivoAuthToken)
        plivoAPI = settings.read(GatewaySettings.plivoAPIURL)
        vonageSignatureSecret = settings.read(GatewaySettings.vonageSignatureSecret)
        if (plivoAuthID == nil) != (plivoAuthToken == nil) {
            settings.add("PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN belong together: calls are ended with both.")
        }
    }
}
