import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("Redundant audio that we send")
struct REDSendingTests {
    private func payload(
        _ packetizer: inout REDPacketizer, _ frame: [UInt8], at timestamp: UInt32, samples: Int = 960, redundancy: Int
    ) -> [UInt8]? {
        let isPacked = packetizer.pack(
            frame.span.bytes, timestamp: timestamp, samples: samples, payloadType: 111, redundancy: redundancy)
        return isPacked ? packetizer.payload : nil
    }

    @Test("alone a frame has one byte in front; with those before it four more for each, the oldest first")
    func layout() {
        var packetizer = REDPacketizer()
        #expect(payload(&packetizer, [1, 1], at: 960, redundancy: 2) == [111, 1, 1])
        #expect(payload(&packetizer, [2], at: 1920, redundancy: 0) == [111, 2])
        // As libwebrtc writes it: 128 + type, the age's upper eight bits, its lower six with the length's upper two, the length.
        #expect(
            payload(&packetizer, [3, 3, 3], at: 2880, redundancy: 2)
                == [239, 1920 >> 6, (1920 & 63) << 2, 2, 239, 960 >> 6, (960 & 63) << 2, 1, 111, 1, 1, 2, 3, 3, 3])
        #expect(payload(&packetizer, [4], at: 3840, redundancy: 1) == [239, 15, 0, 3, 111, 3, 3, 3, 4])
    }

    @Test("nothing goes along over a pause, a mute or a step back in time")
    func pauses() {
        var packetizer = REDPacketizer()
        _ = payload(&packetizer, [1], at: 0, redundancy: 2)
        #expect(payload(&packetizer, [2], at: 1920, redundancy: 2) == [111, 2])
        #expect(payload(&packetizer, [3], at: 2880, redundancy: 2)?.count == 7)
        #expect(payload(&packetizer, [4], at: 960, redundancy: 2) == [111, 4])
    }

    @Test("across the wrap of the timestamp frames are neighbours")
    func wrap() {
        var packetizer = REDPacketizer()
        _ = payload(&packetizer, [1], at: .max - 959, redundancy: 2)
        #expect(payload(&packetizer, [2], at: 0, redundancy: 2) == [239, 15, 0, 1, 111, 1, 2])
    }

    @Test(
        "a frame that is older than a header can say stays out",
        arguments: [(5760, 2), (8191, 2), (8192, 1), (16_383, 1), (16_384, 0)])
    func age(samples: Int, expected: Int) {
        var packetizer = REDPacketizer()
        for index in 0..<2 {
            _ = payload(&packetizer, [9], at: UInt32(index * samples), samples: samples, redundancy: 2)
        }
        let last = payload(&packetizer, [9], at: UInt32(2 * samples), samples: samples, redundancy: 2)
        #expect(last?.count == 2 + expected * 5)
    }

    @Test("no payload is longer than 1200 bytes, and no block than 1023")
    func lengths() {
        for (first, second, third, frames) in [
            (300, 300, 500, 2), (300, 300, 600, 1), (590, 590, 590, 1), (700, 700, 700, 0), (1023, 100, 20, 2),
            (1024, 100, 20, 1),
            (100, 1024, 20, 0),
        ] {
            var packetizer = REDPacketizer()
            _ = payload(&packetizer, [UInt8](repeating: 1, count: first), at: 0, redundancy: 2)
            _ = payload(&packetizer, [UInt8](repeating: 2, count: second), at: 960, redundancy: 2)
            let last = payload(&packetizer, [UInt8](repeating: 3, count: third), at: 1920, redundancy: 2) ?? []
            #expect(last.count <= 1200)
            let count = REDPayload(last.span.bytes)?.redundantCount
            #expect(count == frames)
        }
        var packetizer = REDPacketizer()
        #expect(payload(&packetizer, [UInt8](repeating: 0, count: 1201), at: 0, redundancy: 0) == nil)
    }

    @Test("requests for lost packets are losses, at once, and each packet once")
    func requests() {
        var loss = LossEstimate()
        loss.note(requests: [7])
        #expect(loss.percent == 2)
        loss.note(requests: [7, 7, 6])
        #expect(loss.percent == 2)
        loss.note(requests: [8, 9])
        #expect(loss.percent == 6)
        // Three of 150.
        loss.note(fractionLost: 0, packetCount: 150)
        #expect(loss.percent == 5)
        for count in 2..<20 { loss.note(fractionLost: 0, packetCount: UInt32(count * 150)) }
        #expect(loss.percent == 0)
        loss.note(fractionLost: 26, packetCount: 3000)
        #expect(loss.percent == 10)
    }

    /// A call in which one side speaks; the other hears through a jitter buffer.
    private func call(
        _ conditions: VirtualNetwork.Conditions, listenerTakesIt: Bool = true, retransmits: Bool = false
    ) throws -> (call: TestCall, speaker: TestPeer, listener: TestPeer) {
        let speaker = TestPeer(1, port: 5001) {
            $0.acceptsRED = true
            $0.usesRetransmission = retransmits
        }
        let listener = TestPeer(2, port: 5002) {
            $0.acceptsRED = listenerTakesIt
            $0.usesRetransmission = retransmits
        }
        let call = TestCall(speaker, listener)
        let track = LocalTrack(streamID: "-", trackID: "t", ssrc: speaker.connection.makeSource())
        _ = speaker.connection.addAudioSection(direction: .sendOnly, track: track)
        try call.negotiate(from: speaker, to: listener)
        call.connect()
        call.network.conditions = conditions
        return (call, speaker, listener)
    }

    /// The speaker says so many frames of 20 ms.
    private func say(_ frames: Int, _ speaker: TestPeer, _ call: TestCall) {
        for index in 0..<frames {
            speaker.speak(index % 250, on: 0, now: call.now)
            call.run(for: .milliseconds(20))
        }
    }

    @Test("while nothing is lost it costs a byte a packet")
    func noLoss() throws {
        let (call, speaker, listener) = try call(.init())
        say(100, speaker, call)
        call.run(for: .milliseconds(200))
        #expect(listener.heard == Array(0..<100))
        #expect(speaker.connection.statistics.octetsSent == 500)
    }

    @Test("once losses are reported the listener misses nearly nothing, without asking again")
    func loss() throws {
        let (call, speaker, listener) = try call(.init(loss: 0.1))
        say(1000, speaker, call)
        // Two reports after the beginning every packet comes three times.
        let later = listener.heard.dropFirst(300)
        #expect(later.count { $0 == -1 } <= 5)
        #expect(later.count > 690)
    }

    @Test("a peer that does not know it gets Opus")
    func unknown() throws {
        let (call, speaker, listener) = try call(.init(), listenerTakesIt: false)
        say(50, speaker, call)
        call.run(for: .milliseconds(200))
        #expect(listener.heard == Array(0..<50))
        #expect(speaker.connection.statistics.octetsSent == 200)
        #expect(speaker.connection.sections[0].redPayloadType == nil)
    }

    @Test("losses that requests have repaired are followed by redundancy, too")
    func repaired() throws {
        let (call, speaker, _) = try call(.init(loss: 0.08, delay: .milliseconds(15)), retransmits: true)
        say(500, speaker, call)
        #expect((3...40).contains(speaker.connection.reportedLossPercent))
        #expect(speaker.connection.statistics.octetsSent > 500 * 8)
    }
}
