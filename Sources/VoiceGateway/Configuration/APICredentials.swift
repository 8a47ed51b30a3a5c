/// A key and its secret for LiveKit's API. Prints without the secret.
package struct APICredentials: Hashable, Sendable, CustomStringConvertible {
    package let key: String
    package let secret: String

    package init(key: String, secret: String) {
        self.key = key
        self.secret = secret
    }

    /// What `livekit-server --dev` takes too. Everybody knows them.
    package static let development = APICredentials(key: "devkey", secret: "secret")

    package var description: String { "API key \(key)" }
}

extension Settings {
    /// Key and secret together, nil when neither is set. One without the other is a mistake.
    package mutating func credentials() -> APICredentials? {
        let key = read(GatewaySettings.livekitAPIKey)
        let secret = read(GatewaySettings.livekitAPISecret)
        switch (key, secret) {
        case (nil, nil): return nil
        case (let key?, let secret?): return APICredentials(key: key, secret: secret)
        case (_?, nil) where !isSet(GatewaySettings.livekitAPISecret):
            add("LIVEKIT_API_KEY is set without LIVEKIT_API_SECRET; set the secret that belongs to the key.")
        case (nil, _?) where !isSet(GatewaySettings.livekitAPIKey):
            add("LIVEKIT_API_SECRET is set without LIVEKIT_API_KEY; set the key that belongs to the secret.")
        // One of them is wrong, which has been said.
        default: break
        }
        return nil
    }
}
