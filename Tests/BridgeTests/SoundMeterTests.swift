import Bridge
import ClientProtocol
import Observability
import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("How long sound stays in the gateway")
struct SoundMeterTests {
    final class Stand {
        let metrics = Metrics()
        let meter: SoundMeter
        let harness: Harness

        init(_ query: String = "") throws {
            // The meter reads the clock of the harness that is made with it.
            var clock: () -> Instant = { .zero }
            meter = SoundMeter(metrics) { clock() }
            let harness = try Harness(query, meter: meter)
            self.harness = harness
            clock = { [unowned harness] in harness.clock.now }
        }

        func turn(_ milliseconds: Int = 20) { harness.clock.advance(by: .milliseconds(milliseconds)) }

        /// How many stayed for at most so long, in that direction.
        func count(_ direction: String, within milliseconds: Int? = nil) -> Int {
            let histogram = metrics.histogram(
                "voicegateway_audio_delay_seconds", help: "", labels: ["direction": direction])
            let place = milliseconds.flatMap { Histogram.steps.firstIndex(of: $0 * 1000) } ?? Histogram.steps.count
            return histogram.cumulative.counts[place]
        }
    }

    @Test("frames that come in real time do not stay; the frames of a burst stay until they are due")
    func stays() throws {
        let stand = try Stand()
        stand.harness.room.welcome()
        stand.turn(3000)
        for start in stride(from: 0, to: 3200, by: 320) {
            stand.harness.send(ramp(start..<start + 320))
            stand.turn()
        }
        #expect(stand.count("up", within: 1) == 10 && stand.count("up") == 10)
        stand.harness.send(ramp(0..<3200))
        for _ in 0..<12 { stand.turn() }
        #expect(stand.count("up") == 20)
        #expect(stand.count("up", within: 100) < 20 && stand.count("up", within: 250) == 20)
    }

    @Test("what is lost on both ways, and how much waits, is counted for the call and for the process")
    func link() throws {
        let stand = try Stand()
        let room = stand.harness.room
        room.welcome()
        func report(up: Int, down: Int, jitter: Int) {
            room.linkQuality = LinkQuality(
                sent: .init(lostPackets: up, jitter: .milliseconds(jitter)),
                received: .init(lostPackets: down, jitter: .milliseconds(jitter / 2)))
            stand.turn(1000)
        }
        report(up: 3, down: 1, jitter: 20)
        report(up: 5, down: 1, jitter: 60)
        // Another connection counts from the beginning.
        report(up: 2, down: 0, jitter: 10)
        report(up: 4, down: 4, jitter: 10)
        stand.harness.send(ramp(0..<32_000))
        stand.turn(600)
        let waiting = stand.metrics.gauge("voicegateway_audio_waiting_milliseconds", help: "")
        #expect((1000...2000).contains(waiting.current))
        stand.harness.session.clientClosed()
        let numbers = try #require(stand.harness.ended)
        #expect(numbers.uplinkLostPackets == 7 && numbers.downlinkLostPackets == 5)
        #expect(numbers.uplinkJitter == 60 && numbers.downlinkJitter == 30)
        for (direction, lost) in [("up", 7), ("down", 5)] {
            let labels: Metrics.Labels = ["direction": direction]
            #expect(
                stand.metrics.counter("voicegateway_rtp_packets_lost_total", help: "", labels: labels).current == lost)
        }
        #expect(waiting.current == 0)
    }

    @Test("half a frame counts from the moment when its other half comes")
    func halves() throws {
        let stand = try Stand()
        stand.harness.room.welcome()
        stand.turn(3000)
        stand.harness.send(ramp(0..<160))
        stand.turn(60)
        stand.harness.send(ramp(160..<320))
        stand.turn()
        #expect(stand.count("up") == 1 && stand.count("up", within: 1) == 1)
    }

    @Test("what waits for the room counts with all the time that it waits")
    func waits() throws {
        let stand = try Stand()
        stand.harness.send(ramp(0..<320))
        stand.turn(1000)
        stand.harness.room.welcome()
        stand.turn(3000)
        #expect(stand.count("up") == 1 && stand.count("up", within: 500) == 0)
    }

    @Test("joining and publishing are timed once a session")
    func setUp() throws {
        let stand = try Stand()
        stand.harness.room.welcome()
        stand.turn()
        for name in ["voicegateway_joined_seconds", "voicegateway_published_seconds"] as [StaticString] {
            #expect(stand.metrics.histogram(name, help: "").cumulative.counts.last == 1)
        }
    }
}
