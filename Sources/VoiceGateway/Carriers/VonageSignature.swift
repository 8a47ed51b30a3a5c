internal import SecureTransport
internal import Signalling
internal import Wire

/// `Authorization: Bearer` of Vonage: a JSON Web Token signed with the account's signature secret by HS256 (Vonage's page "Signed
/// webhooks"). The WebSocket of a call has it when its endpoint in the NCCO says `"authorization": {"type": "vonage"}`.
///
/// `payload_hash` is not looked at: a handshake has no body.
enum VonageSignature {
    /// Bytes of a token.
    static let maximumSize = 4096
    /// How far its clock may be from ours, and how old a token may be, in seconds.
    static let tolerance: Int64 = 300

    /// - Parameters:
    ///   - text: the token.
    ///   - now: seconds since 1970.
    static func isValid(_ text: String?, secret: String, now: Int64) -> Bool {
        guard let text, let token = try? JSONWebToken(text, maximumSize: maximumSize),
            (try? token.isSigned(with: secret, .openSSL)) == true,
            let issued = token.claims["iat"].flatMap(JSONWebToken.time)
        else { return false }
        guard let end = token.claims["exp"] else { return (now - tolerance...now + tolerance).contains(issued) }
        return (now - tolerance...now + tolerance).contains(issued)
            && JSONWebToken.time(end).map { $0 > now - tolerance } == true
    }
}
