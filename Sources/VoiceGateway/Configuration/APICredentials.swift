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
        let key = value(variable: "LIVEKIT_API_KEY")?.text
        let secret = value(variable: "LIVEKIT_API_SECRET")?.text
        switch (key, secret) {
        case (nil, nil): return nil
        case (let key?, let secret?): return APICredentials(key: key, secret: secret)
        case (_?, nil):
            add("LIVEKIT_API_KEY is set without LIVEKIT_API_SECRET; set the secret that belongs to the key.")
        case (nil, _?):
            add("LIVEKIT_API_SECRET is set without LIVEKIT_API_KEY; set the key that belongs to the secret.")
        }
        return nil
    }
}
