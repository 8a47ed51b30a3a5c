import ClientProtocol
import Observability
import PeerConnection
import Testing
import Wire

@testable import Bridge

@Suite("The sound of a session in both directions")
struct AudioPathTests {
    private final class Listener: DownlinkSink {
        var path: AudioPath?
        var pieces: [(bytes: [UInt8], at: Instant)] = []
        let clock: VirtualClock
        init(_ clock: VirtualClock) { self.clock = clock }
        func downlink(sound: RawSpan) {
            pieces.append(([UInt8](copying: sound), clock.now))
            path?.noteSent()
        }
    }

    private final class Deaf: RoomConnectionDelegate {
        func room(_ room: any RoomConnection, event: RoomEvent) {}
    }

    private struct Stage {
        let clock = VirtualClock()
        let listener: Listener
        let path: AudioPath
        let room: FakeRoom
        let track = FakeTrack("TR", "a")

        init(
            _ query: String = "", meter: SoundMeter? = nil, limits: Limits = Limits(),
            parameters: SessionParameters = DeviceDialect.descriptor.defaults
        ) throws {
            var parameters = parameters
            try parameters.apply(query: QueryString(query).pairs)
            listener = Listener(clock)
            var configuration = BridgeConfiguration(agentName: "")
            configuration.limits = limits
            var environment = SessionEnvironment(
                configuration: configuration, rooms: FakeConnector(clock: clock),
                dispatcher: FakeDispatcher(clock: clock), coders: FakeCoders(), clock: clock,
                tick: MediaTick(clock: clock, interval: .milliseconds(20)))
            environment.meter = meter
            path = try AudioPath(
                input: parameters.input,
                delivery: DeviceDialect(parameters, limits: limits.recordings).delivery,
                environment: environment, session: "S", sink: listener)
            listener.path = path
            room = FakeRoom(
                request: RoomRequest(room: "r", identity: "i", name: "n"), delegate: Deaf(), clock: clock)
            path.connect(to: room)
            for order in [SoundOrder.start, .release] { _ = try path.perform(order) }
            try path.add(track)
        }

        func hear(_ samples: [Int16]) {
            let payload = [0xF8] + bytesOf(samples)
            let packet = AudioPacket(sequenceNumber: 0, timestamp: 0, payload: payload.span.bytes)
            track.hear(.packet(packet, samples: 960))
        }

        @discardableResult
        func speak(_ samples: [Int16]) -> [String] {
            let bytes = bytesOf(samples)
            return path.receive(bytes.span.bytes).map(\.message)
        }

        @discardableResult
        func pass(_ milliseconds: Int) -> Int {
            var turns = 0
            for _ in 0..<milliseconds / 20 {
                clock.advance(by: .milliseconds(20))
                turns += path.tick(now: clock.now)
            }
            return turns
        }
    }

    @Test("sound goes to the room it was connected to, and from there to the client")
    func bothWays() throws {
        let stage = try Stage()
        stage.speak(ramp(0..<320))
        stage.pass(20)
        #expect(stage.room.heard == ramp(0..<320))
        stage.hear(ramp(0..<480))
        #expect(stage.listener.pieces.map(\.bytes) == [bytesOf(ramp(0..<480))])
    }

    @Test("the last piece of a file's worth of sound wakes the path by itself, between two ticks")
    func pieceWithoutTick() throws {
        let stage = try Stage("output_framing=wav")
        stage.clock.advance(by: .milliseconds(7))
        stage.hear(ramp(0..<480))
        #expect(stage.listener.pieces.isEmpty)
        // No tick at all: the path's own timer goes off when the first piece is due.
        stage.clock.advance(by: .milliseconds(300))
        #expect(stage.listener.pieces.map(\.at) == [.zero + .milliseconds(207)])
    }

    @Test("a turn is reported once, when its last sound has been played")
    func playedTurns() throws {
        let stage = try Stage()
        stage.speak(ramp(0..<3200))
        _ = try stage.path.perform(.endTurn)
        #expect(stage.pass(180) == 0)
        #expect(stage.pass(1000) == 1)
        #expect(stage.pass(1000) == 0)
    }

    @Test("dropped sound is told once a second at most, with all of what was dropped since")
    func drops() throws {
        var limits = Limits()
        limits.uplinkQueue = .seconds(1)
        let stage = try Stage(limits: limits)
        _ = try stage.path.perform(.hold)
        #expect(stage.speak(ramp(0..<16_000)).isEmpty)
        let first = try #require(stage.speak(ramp(0..<16_000)).first)
        #expect(first.hasPrefix("1000 ms") && first.contains("nobody in the room hears the caller, and 1 s at most"))
        #expect(stage.speak(ramp(0..<1600)).isEmpty)
        stage.clock.advance(by: .milliseconds(1000))
        #expect(stage.speak(ramp(0..<1600)).first?.hasPrefix("200 ms") == true)
    }

    @Test("the client's format changes on the way, and what waits goes out as it was meant")
    func changedDelivery() throws {
        let stage = try Stage("output_framing=wav")
        stage.hear(ramp(0..<480))
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString("output_encoding=alaw").pairs)
        let delivery = DeviceDialect(parameters, limits: Limits().recordings).delivery
        _ = try stage.path.perform(.change(input: parameters.input, delivery: delivery))
        #expect(stage.listener.pieces.map(\.bytes) == [bytesOf(ramp(0..<480))])
        stage.hear(ramp(0..<480))
        #expect(stage.listener.pieces.last?.bytes == ramp(0..<480).map(G711.encodeAlaw))
    }

    @Test("packets, losses and the stay in the gateway are counted")
    func meter() throws {
        let metrics = Metrics()
        let stage = try Stage(meter: SoundMeter(metrics) { .zero })
        stage.hear(ramp(0..<480))
        stage.track.hear(.lost(samples: 960, recovery: nil))
        let text = metrics.snapshot()
        #expect(text.contains(#"voicegateway_audio_packets_total{direction="down"} 1"#))
        #expect(text.contains("voicegateway_audio_concealed_milliseconds_total 20"))
        #expect(text.contains(#"voicegateway_audio_delay_seconds_count{direction="down"} 2"#))
        #expect(stage.path.numbers.packetsReceived == 1 && stage.path.numbers.downlinkConcealed == 960)
    }

    @Test("what is closed keeps its numbers, gives back its coders and lets no timer go off")
    func closed() throws {
        let stage = try Stage("output_framing=wav")
        stage.hear(ramp(0..<480))
        stage.path.close()
        stage.clock.advance(by: .seconds(1))
        #expect(stage.path.uplink == nil && stage.path.downlink == nil && stage.listener.pieces.isEmpty)
        #expect(stage.path.numbers.packetsReceived == 1)
        #expect(stage.pass(100) == 0 && !stage.path.isAnyoneSpeaking && !stage.path.hasVoice)
    }

    @Test("a voice is there from its first frame to the end of its last piece")
    func voice() throws {
        let stage = try Stage("output_framing=wav")
        #expect(!stage.path.hasVoice && !stage.path.isVoiceHeard(hasState: true))
        stage.hear(ramp(0..<480))
        #expect(stage.path.hasVoice && stage.path.isVoiceHeard(hasState: true) && stage.path.isAnyoneSpeaking)
        _ = try stage.path.perform(.endReply)
        stage.pass(500)
        #expect(!stage.path.hasVoice && !stage.path.isVoiceHeard(hasState: false) && !stage.path.isAnyoneSpeaking)
    }

    @Test("ambience is no voice, and nobody speaks while it plays")
    func ambience() throws {
        let stage = try Stage()
        _ = try stage.path.perform(.assignRoles(["TR": .ambience]))
        for _ in 0..<50 {
            stage.hear(ramp(0..<480))
            stage.pass(20)
        }
        #expect(stage.listener.pieces.count == 50)
        #expect(!stage.path.hasVoice && !stage.path.isVoiceHeard(hasState: false) && !stage.path.isAnyoneSpeaking)
    }
}
