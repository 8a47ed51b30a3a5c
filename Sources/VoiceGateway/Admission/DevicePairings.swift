internal import ClientProtocol
internal import Wire

/// Devices that have asked to be let in and wait for the operator, each with a code of six digits that it shows and speaks.
/// A value; whoever has it brings time and chance.
struct DevicePairings {
    struct Pairing: Hashable {
        let code: String
        let device: ClientDevice
        /// What it says it is.
        let board: String
        let deadline: Instant
    }

    /// How long a code counts. A device asks again as long as it is on.
    static let patience = Duration.seconds(600)
    /// Devices that may wait at a time.
    static let maximumCount = 256

    private(set) var waiting: [Pairing] = []

    /// The pairing of a device, a new one if need be; nil when too many wait.
    mutating func pairing(
        for device: ClientDevice, board: String, now: Instant, random: inout some RandomNumberGenerator
    ) -> Pairing? {
        expire(now: now)
        if let known = waiting.first(where: { $0.device == device }) { return known }
        guard waiting.count < Self.maximumCount else { return nil }
        var code: String
        repeat {
            code = String(Int.random(in: 100_000...999_999, using: &random))
        } while waiting.contains { $0.code == code }
        let pairing = Pairing(code: code, device: device, board: board, deadline: now + Self.patience)
        waiting.append(pairing)
        return pairing
    }

    /// The device whose code this is; nil for none.
    func device(of code: String, now: Instant) -> ClientDevice? {
        waiting.first { $0.code == code && $0.deadline > now }?.device
    }

    mutating func end(_ device: ClientDevice) { waiting.removeAll { $0.device == device } }

    mutating func expire(now: Instant) { waiting.removeAll { $0.deadline <= now } }
}
