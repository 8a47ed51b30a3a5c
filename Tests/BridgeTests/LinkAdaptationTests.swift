import Bridge
import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("A way to the room that is too thin for the caller's sound")
struct LinkAdaptationTests {
    /// A link in virtual time: of what is beyond its capacity as much is lost as is too much, and some at random.
    private struct Link {
        /// In kbit/s.
        var capacity: Double
        /// 0 to 1.
        var loss = 0.0
        var adaptation = LinkAdaptation()
        private var estimate = LossEstimate()
        private var now = Instant.zero
        private var packets: UInt32 = 0
        /// Seconds in which little was sent.
        private(set) var thinFor = 0.0

        init(capacity: Double, loss: Double = 0) {
            self.capacity = capacity
            self.loss = loss
        }

        mutating func run(seconds: Int) {
            for half in 0..<2 * seconds {
                adaptation.note(lossPercent: estimate.percent, now: now)
                now = now + .milliseconds(500)
                if adaptation.isThin { thinFor += 0.5 }
                // Headers of RTP, UDP and IP take 16 kbit/s; while packets are lost each sound goes two or three times.
                let copies = estimate.percent == 0 ? 1.0 : estimate.percent < 4 ? 2 : 3
                let rate = adaptation.isThin ? 40 : 16 + 80 * copies
                let lost = 1 - (1 - loss) * min(1, capacity / rate)
                packets += 25
                // Reports come every two seconds.
                if half % 4 == 3 { estimate.note(fractionLost: UInt8(min(255, lost * 256)), packetCount: packets) }
            }
        }
    }

    @Test("gets little within twenty seconds, and much again when it is wide again", arguments: [45.0, 60, 90])
    func congestion(capacity: Double) {
        var link = Link(capacity: capacity)
        link.run(seconds: 20)
        #expect(link.adaptation.isThin)
        link.run(seconds: 600)
        // It is asked now and then whether it is wide again.
        #expect(link.thinFor > 550)
        link.capacity = 10_000
        link.run(seconds: 600)
        #expect(!link.adaptation.isThin)
        let before = link.thinFor
        link.run(seconds: 600)
        #expect(link.thinFor == before)
    }

    @Test("redundant audio alone was too much for it: as much as before passes")
    func redundancy() {
        // 176 or 256 kbit/s with what goes twice, 96 without.
        var link = Link(capacity: 120, loss: 0.02)
        link.run(seconds: 60)
        link.loss = 0
        link.run(seconds: 300)
        #expect(!link.adaptation.isThin)
    }

    @Test("a wide way that loses at random is not taken for one", arguments: [0.05, 0.15, 0.25, 0.4])
    func loss(loss: Double) {
        var link = Link(capacity: 10_000, loss: loss)
        link.run(seconds: 1800)
        #expect(!link.adaptation.isThin)
        #expect(link.thinFor <= 0.04 * 1800)
    }

    @Test(
        "the encoder changes between two frames and back, and no packet is missing", arguments: [8000, 16_000, 48_000])
    func withoutGap(rate: Int) throws {
        let harness = try Harness("sample_rate=\(rate)", coders: LibraryCoders())
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        // A slow warble is sound all the time.
        var low = ToneSource(frequency: 300, sampleRate: rate, amplitude: 5000)
        var high = ToneSource(frequency: 307, sampleRate: rate, amplitude: 3000)
        func speak(seconds: Int) {
            for _ in 0..<50 * seconds {
                harness.send(zip(low.next(rate / 50), high.next(rate / 50)).map { $0 + $1 })
                harness.clock.advance(by: .milliseconds(20))
            }
        }
        speak(seconds: 2)
        let begin = harness.room.packets.count
        #expect(harness.room.allowsRedundancy)
        harness.room.reportedLossPercent = 40
        speak(seconds: 7)
        #expect(!harness.room.allowsRedundancy)
        harness.room.reportedLossPercent = 0
        speak(seconds: 32)
        #expect(harness.room.allowsRedundancy)
        let packets = Array(harness.room.packets[begin...])
        for (one, next) in zip(packets, packets.dropFirst()) { #expect(next.timestamp == one.timestamp + 960) }
        // CELT's configurations are 16 to 31 (RFC 6716 section 3.1).
        let isCELT = packets.map { $0.bytes[0] >> 3 >= 16 }
        #expect(isCELT.first == true && isCELT.last == true)
        #expect((1200...1900).contains(isCELT.count { !$0 }))
        let heard = try RoomListener(sampleRate: rate).hear(packets, atLeast: 0)
        let blocks = stride(from: 0, to: heard.count - rate / 100, by: rate / 100).map {
            decibels(heard[$0..<$0 + rate / 100])
        }
        // The warble is between -13 and -25 dB.
        #expect(blocks.dropFirst(10).min()! > -30)
    }
}
