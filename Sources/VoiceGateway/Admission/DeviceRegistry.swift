internal import ClientProtocol
internal import EventLoops
internal import Observability
internal import SecureTransport
internal import Wire

/// Which devices may connect: the operator's list, those that wait to be taken into it, and the tokens that they show.
/// Shared by threads.
final class DeviceRegistry: Sendable {
    /// What a device is told that asks where to connect.
    enum Provision: Hashable {
        /// It may connect, with this token; empty where anybody may.
        case connect(token: String)
        case pair(code: String, token: String)
        /// Too many devices wait to be paired.
        case full
    }

    /// What came of the operator's word for a code.
    enum Approval: Hashable {
        case approved(KnownDevice)
        case unknownCode
        /// The list cannot be written.
        case failed(String)
    }

    private struct State {
        var list: DeviceList
        var pairings = DevicePairings()
    }

    private let current: CurrentConfiguration
    private let log: Log
    private let state: Locked<State>

    init(_ current: CurrentConfiguration, log: Log) {
        self.current = current
        self.log = log
        state = Locked(State(list: Self.read(current, log) ?? DeviceList()))
    }

    private static func read(_ current: CurrentConfiguration, _ log: Log) -> DeviceList? {
        guard let path = current.part(\.devices.listPath) else { return DeviceList() }
        var mistakes: [String] = []
        let list = DeviceList.read(path, mistakes: &mistakes)
        for mistake in mistakes { log.error("list of devices not read", ["mistake": mistake]) }
        return mistakes.isEmpty ? list : nil
    }

    /// The settings have been read again, and the list with them. One that is wrong changes nothing.
    func configurationChanged() {
        state.withLock { if let list = Self.read(current, log) { $0.list = list } }
    }

    /// Whether a device has to show a token.
    var isInForce: Bool { current.part { $0.devices.listPath != nil || $0.devices.tokenKey != nil } }

    /// The key of our own tokens.
    private var ownKey: [UInt8] {
        let secret = Array(current.part(\.roomServer.credentials.secret).utf8)
        return MessageAuthentication.openSSL.hmacSHA256(secret, Array("tokens of devices".utf8))
    }

    /// Looks whether a device is the one that it says it is: by a token of ours it is if it is in the list, and by one of the
    /// server that it comes from in any case.
    ///
    /// - Parameter unixTime: seconds since 1970.
    func verify(_ device: ClientDevice, token: String, unixTime: Int64) -> KnownDevice? {
        let listed = state.withLock { $0.list.devices[device.id] }
        if let key = current.part(\.devices.tokenKey),
            DeviceToken.isValid(token, for: device, key: Array(key.utf8), now: unixTime)
        {
            return listed ?? KnownDevice(id: device.id)
        }
        guard let listed, listed.isSame(as: device),
            DeviceToken.isValid(token, for: device, key: ownKey, now: unixTime)
        else { return nil }
        return listed
    }

    // MARK: Provisioning

    /// - Parameter board: what the device says it is.
    func provision(_ device: ClientDevice, board: String, now: Instant, unixTime: Int64) -> Provision {
        guard current.part(\.devices.listPath) != nil else { return .connect(token: "") }
        // Of no use to a device that is not in the list.
        let token = DeviceToken.make(for: device, key: ownKey, now: unixTime)
        var random = SecureRandom()
        return state.withLock { state in
            if state.list.devices[device.id]?.isSame(as: device) == true { return .connect(token: token) }
            let pairing = state.pairings.pairing(for: device, board: board, now: now, random: &random)
            return pairing.map { .pair(code: $0.code, token: token) } ?? .full
        }
    }

    /// Whether a device may connect by now.
    func isPaired(_ device: ClientDevice) -> Bool {
        !hasList || state.withLock { $0.list.devices[device.id]?.isSame(as: device) == true }
    }

    // MARK: The operator

    /// Whether there is a list.
    var hasList: Bool { current.part(\.devices.listPath) != nil }

    /// The devices that wait.
    func pairings(now: Instant) -> [DevicePairings.Pairing] {
        state.withLock { state in
            state.pairings.expire(now: now)
            return state.pairings.waiting
        }
    }

    /// Takes the device with this code into the list.
    func approve(_ code: String, name: String?, agent: String?, room: String?, now: Instant) -> Approval {
        guard let path = current.part(\.devices.listPath) else { return .unknownCode }
        return state.withLock { state in
            guard let device = state.pairings.device(of: code, now: now) else { return .unknownCode }
            var known = KnownDevice(id: device.id)
            known.clientID = device.clientID
            (known.name, known.agent, known.room) = (name, agent, room)
            do throws(FileError) {
                try state.list.add(known, path: path)
            } catch {
                return .failed(error.reason)
            }
            state.pairings.end(device)
            return .approved(known)
        }
    }
}
