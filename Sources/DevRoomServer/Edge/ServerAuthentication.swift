internal import HTTP
internal import SecureTransport
internal import Signalling
internal import Wire

/// Why a request is refused before it is looked at.
struct Unauthorized: Error, Hashable {
    let reason: String
}

/// Checks access tokens against the server's keys.
struct ServerAuthentication {
    let keys: [String: String]

    /// The verified token of a request: the `Authorization` header, or else the query's `access_token`.
    func token(of request: HTTPRequest, now: Int64) throws(Unauthorized) -> AccessToken {
        let text: String
        if request.headers["Authorization"] != nil {
            guard let bearer = request.bearerToken else {
                throw Unauthorized(reason: "invalid authorization header, must start with Bearer")
            }
            text = bearer
        } else if let parameter = request.query["access_token"] {
            text = parameter
        } else {
            throw Unauthorized(reason: "no access token")
        }
        do throws(AccessTokenError) {
            return try AccessToken(verifying: text, now: now, .openSSL) { keys[$0] }
        } catch {
            throw Unauthorized(reason: "invalid token: \(error)")
        }
    }

    /// The secret that goes with a token's key.
    func secret(for token: AccessToken) -> String { keys[token.key] ?? "" }
}
