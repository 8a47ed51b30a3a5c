internal import ClientProtocol
internal import HTTP

/// What the handshake of a call shows of its carrier.
enum CarrierSignature: Hashable {
    /// Not asked for, or not there where a carrier need not sign.
    case none
    /// As good as an API key.
    case valid
    /// Why the call is refused.
    case wrong(String)

    /// - Parameter now: seconds since 1970.
    init(
        of request: HTTPRequest, in dialect: DialectDescriptor, _ configuration: GatewayConfiguration, now: Int64
    ) {
        let carriers = configuration.carriers
        // Most requests are no carrier's, and need none.
        var url: String { PublicAddress(configuration.http).webSocketURL(request.target, for: request) ?? "" }
        if dialect == ClientDialects.ofTwilio, let token = carriers.twilioAuthToken {
            self.init(
                TwilioSignature.isValid(request.headers[TwilioSignature.header], of: url, token: token),
                "X-Twilio-Signature does not fit TWILIO_AUTH_TOKEN")
        } else if dialect == ClientDialects.ofPlivo, let token = carriers.plivoAuthToken,
            // The token ends calls as well: who has it need not have streams that are signed.
            PlivoSignature.isThere(in: request)
        {
            self.init(
                PlivoSignature.isValid(request, of: url, token: token),
                "X-Plivo-Signature-V3 does not fit the address and PLIVO_AUTH_TOKEN")
        } else if dialect == ClientDialects.ofVonage, let secret = carriers.vonageSignatureSecret {
            self.init(
                VonageSignature.isValid(request.bearerToken, secret: secret, now: now),
                "Authorization has no token of Vonage that is new and fits VONAGE_SIGNATURE_SECRET")
        } else {
            self = .none
        }
    }

    private init(_ isValid: Bool, _ reason: String) { self = isValid ? .valid : .wrong(reason) }
}
