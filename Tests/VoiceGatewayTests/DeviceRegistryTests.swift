import ClientProtocol
import Glibc
import Observability
import Testing
import Wire

@testable import VoiceGateway

@Suite("Devices that may connect")
struct DeviceRegistryTests {
    private let device = ClientDevice(id: "00:22:44:66:88:00", clientID: "cca4d0c6-02f0-5896-9df7-c32fdb3a485a")!
    private let now: Int64 = 1_796_000_000

    private func registry(_ change: (inout DeviceSettings) -> Void) -> (DeviceRegistry, CurrentConfiguration) {
        var configuration = GatewayConfiguration()
        change(&configuration.devices)
        let current = CurrentConfiguration(configuration)
        return (DeviceRegistry(current, log: .silent), current)
    }

    private func path() -> String { "/tmp/devices-\(UInt64.random(in: 0...UInt64.max))" }

    @Test("a token of the self-hosted server counts with its key, for its device and for 30 days")
    func foreignToken() throws {
        let token = "PKv9psSdsu--ac-Awmt3lrgEHNDQ24Bn6r6VZC7Wz6U.1796000000"
        let (registry, _) = registry { $0.tokenKey = "my-secret" }
        #expect(registry.isInForce)
        #expect(registry.verify(device, token: token, unixTime: now) == KnownDevice(id: device.id))
        #expect(registry.verify(device, token: token, unixTime: now + DeviceToken.lifetime + 1) == nil)
        #expect(registry.verify(device, token: token, unixTime: now - 1000) == nil)
        let other = try #require(ClientDevice(id: "00:22:44:66:88:01", clientID: device.clientID))
        #expect(registry.verify(other, token: token, unixTime: now) == nil)
        for wrong in ["", ".", "PKv9.1796000000", "x.-1", token + "0", String(repeating: "9", count: 200)] {
            #expect(registry.verify(device, token: wrong, unixTime: now) == nil)
        }
    }

    @Test("a device that is not in the list gets a code; the operator approves it, and its token counts from then on")
    func pairing() throws {
        let path = path()
        // SAFETY: the path is read during the call only.
        defer { _ = unsafe unlink(path) }
        let (registry, current) = registry { $0.listPath = path }
        let provision = registry.provision(device, board: "box", now: .zero, unixTime: now)
        guard case .pair(let code, let token) = provision else { return #expect(Bool(false), "\(provision)") }
        #expect(registry.provision(device, board: "box", now: .zero, unixTime: now) == provision)
        #expect(registry.verify(device, token: token, unixTime: now) == nil)
        #expect(!registry.isPaired(device))
        #expect(registry.approve("1", name: nil, agent: nil, room: nil, now: .zero) == .unknownCode)
        guard case .approved(let known) = registry.approve(code, name: "Kitchen", agent: "cook", room: nil, now: .zero)
        else { return #expect(Bool(false), "not approved") }
        #expect(known.clientID == device.clientID && known.name == "Kitchen" && known.agent == "cook")
        #expect(registry.isPaired(device))
        #expect(registry.verify(device, token: token, unixTime: now) == known)
        // A later process reads the same.
        #expect(DeviceRegistry(current, log: .silent).verify(device, token: token, unixTime: now) == known)
        // Whoever knows the address alone is another device.
        let thief = try #require(ClientDevice(id: device.id, clientID: "another"))
        guard case .pair = registry.provision(thief, board: "", now: .zero, unixTime: now) else {
            return #expect(Bool(false), "another device got in")
        }
    }

    @Test("a code counts for ten minutes, and only so many devices wait")
    func limits() throws {
        let (registry, _) = registry { $0.listPath = path() }
        guard case .pair(let code, _) = registry.provision(device, board: "", now: .zero, unixTime: now) else {
            return #expect(Bool(false), "no code")
        }
        for number in 1..<DevicePairings.maximumCount {
            let other = try #require(ClientDevice(id: "d\(number)", clientID: "c"))
            _ = registry.provision(other, board: "", now: .zero, unixTime: now)
        }
        let last = try #require(ClientDevice(id: "last", clientID: "c"))
        #expect(registry.provision(last, board: "", now: .zero, unixTime: now) == .full)
        let later = Instant.zero + DevicePairings.patience
        #expect(registry.approve(code, name: nil, agent: nil, room: nil, now: later) == .unknownCode)
        #expect(registry.pairings(now: later).isEmpty)
        #expect(registry.provision(last, board: "", now: later, unixTime: now) != .full)
    }

    @Test("without a list devices are told where to connect, and need no token")
    func open() {
        let (registry, _) = registry { _ in }
        #expect(!registry.isInForce && registry.isPaired(device))
        #expect(registry.provision(device, board: "", now: .zero, unixTime: now) == .connect(token: ""))
    }

    @Test("a line of the list that cannot be used is named with what is wrong")
    func mistakes() {
        var mistakes: [String] = []
        let text = """
            # devices
            {"id":"AA:00","name":"Hall","room":"hall"}

            {"id":""}
            {"id":"b","colour":"red"}
            {"id":"c","agent":7}
            no
            """
        let list = DeviceList(text, path: "list", mistakes: &mistakes)
        #expect(list.devices.keys.sorted() == ["aa:00"] && list.devices["aa:00"]?.room == "hall")
        #expect(mistakes.count == 4)
        #expect(mistakes[0].hasPrefix("Line 4 of list is no device: \"id\" must be"))
        #expect(mistakes[1].contains("\"colour\" is none of agent, client_id, id, name, room"))
        #expect(mistakes[2].contains("\"agent\" must be a string") && mistakes[3].contains("it is not JSON"))
    }
}
