/// The long-term credentials of STUN (RFC 8489, section 9.2): a name and a password, and what the server has added to them.
struct TURNCredentials {
    private let username: String
    private let password: String
    private var realm: String?
    private var nonce: [UInt8] = []
    /// What requests are signed with, and answers; nil before the server has asked for it.
    private(set) var key: [UInt8]?

    init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// What a request says of them; nothing before the server has asked.
    var attributes: [STUNAttribute] {
        realm.map { [.username(username), .realm($0), .nonce(nonce)] } ?? []
    }

    /// Takes realm and nonce of a 401 or a 438; false when they are not there.
    mutating func take(_ challenge: STUNMessage) -> Bool {
        guard let realm = challenge.realm ?? realm, let nonce = challenge.nonce, !nonce.isEmpty else { return false }
        if realm != self.realm { key = MD5.digest(Array("\(username):\(realm):\(password)".utf8)) }
        self.realm = realm
        self.nonce = nonce
        return true
    }
}
