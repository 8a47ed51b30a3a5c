import Bridge
import ClientProtocol
import PeerConnection
import TestSupport
import Wire

/// One session among fakes, in virtual time.
final class Harness {
    let clock = VirtualClock()
    let client: FakeClient
    let connector: FakeConnector
    let dispatcher: FakeDispatcher
    let coders: any AudioCoderFactory
    let tick: MediaTick
    let session: BridgeSession
    /// What was written down at the end; nil until then.
    var record: SessionRecord?
    var ended: SessionStatistics? { record?.numbers }
    private var random = SplitMix64(seed: 1)

    init(
        _ query: String = "", dialect: any ClientDialect.Type = DeviceDialect.self,
        coders: any AudioCoderFactory = FakeCoders(), resumeToken: String? = nil, policy: (any SessionPolicy)? = nil,
        meter: SoundMeter? = nil,
        configure: (inout BridgeConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = BridgeConfiguration(agentName: "clerk")
        configure(&configuration)
        client = FakeClient(clock: clock)
        connector = FakeConnector(clock: clock)
        dispatcher = FakeDispatcher(clock: clock)
        self.coders = coders
        tick = MediaTick(clock: clock, interval: .milliseconds(20))
        var parameters = dialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        var environment = SessionEnvironment(
            configuration: configuration, rooms: connector, dispatcher: dispatcher, coders: coders, clock: clock,
            tick: tick)
        environment.meter = meter
        session = BridgeSession(
            client: client, dialect: dialect.init(parameters, limits: configuration.limits.recordings),
            parameters: parameters, environment: environment, policy: policy,
            resumeToken: resumeToken.map { token in { _ in token } }, random: &random)
        session.onEnded = { [weak self] in self?.record = $0 }
        session.start()
    }

    /// The room; made by waiting out the time for a `config` message if need be.
    var room: FakeRoom {
        if connector.rooms.isEmpty { clock.advance(by: Limits().configWait) }
        return connector.rooms[0]
    }

    func send(_ samples: [Int16]) { send(bytes: bytesOf(samples)) }
    func send(bytes: [UInt8]) { session.receive(binary: bytes.span.bytes) }
    func send(text: String) { session.receive(text: Array(text.utf8)) }

    /// Sends 20 ms of 16 kHz every 20 ms.
    func stream(_ samples: [Int16]) {
        for start in stride(from: 0, to: samples.count, by: 320) {
            send(Array(samples[start..<min(start + 320, samples.count)]))
            clock.advance(by: .milliseconds(20))
        }
    }

    func hear(_ sound: JitterBufferOutput, track: String) { room.tracks[track]?.hear(sound) }

    func packet(_ payload: [UInt8], track: String) {
        let packet = AudioPacket(sequenceNumber: 0, timestamp: 0, payload: payload.span.bytes)
        hear(.packet(packet, samples: 960), track: track)
    }

    /// A packet as `FakeCoders` make them.
    func sound(_ samples: [Int16], track: String) { packet([0xF8] + bytesOf(samples), track: track) }
}
