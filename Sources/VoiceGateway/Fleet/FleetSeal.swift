internal import SecureTransport
internal import Wire

/// Seals messages among gateways, which pass through a Redis that others may read and write. Only who has the API secret can make
/// one or read one, each counts once, and an old one never.
struct FleetSeal {
    /// By how much the clocks of two gateways may differ.
    static let tolerance = Duration.seconds(60)

    private let secret: () -> String
    /// Nonces of messages that would still be believed, in the order in which they came.
    private var seen: Set<[UInt8]> = []
    private var order = FIFO<(nonce: [UInt8], until: Int64)>()

    /// - Parameter secret: the deployment's API secret, as it is now.
    init(secret: @escaping () -> String) { self.secret = secret }

    /// How many messages are remembered.
    var count: Int { seen.count }

    /// - Parameter now: in seconds since 1970.
    func seal(_ message: FleetMessage, now: Int64) -> [UInt8]? {
        let envelope: JSONValue = ["at": .integer(now), "message": message.json]
        return box.seal(envelope.serializedBytes())
    }

    /// Nil for what is not of our fleet, has come before, or is too old.
    mutating func open(_ sealed: [UInt8], now: Int64) -> FleetMessage? {
        while let first = order.first, first.until < now {
            _ = order.popFirst()
            seen.remove(first.nonce)
        }
        let seconds = Self.tolerance.components.seconds
        let nonce = Array(sealed.prefix(SealedBox.nonceLength))
        guard let bytes = box.open(sealed), let json = try? JSONValue(parsing: bytes),
            let at = json["at"]?.integer, (now - seconds...now + seconds).contains(at),
            let message = json["message"].flatMap(FleetMessage.init), seen.insert(nonce).inserted
        else { return nil }
        order.append((nonce, now + 2 * seconds))
        return message
    }

    private var box: SealedBox {
        SealedBox(
            key: MessageAuthentication.openSSL.hmacSHA256(Array(secret().utf8), Array("messages of the fleet".utf8)))
    }
}
