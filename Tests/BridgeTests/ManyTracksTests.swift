import Bridge
import ClientProtocol
import PeerConnection
import Testing
import Wire

@Suite("More tracks than are decoded at a time")
struct ManyTracksTests {
    /// A room with people whose microphones are open: two tracks are decoded at a time.
    private func room(_ tracks: Int) throws -> Harness {
        let harness = try Harness("agent=") { $0.limits.maximumTracks = 2 }
        harness.room.welcome(agent: nil)
        for number in 0..<tracks {
            harness.room.emit(.participantJoined(RoomMember(identity: "p\(number)")))
            harness.room.emit(.trackSubscribed(track: "TR_\(number)", participant: "p\(number)"))
        }
        return harness
    }

    private let silence = [Int16](repeating: 0, count: 480)

    @Test("somebody who speaks is heard although silent people were there before")
    func silentTracksMakePlace() throws {
        let harness = try room(3)
        for _ in 0..<50 {
            for track in ["TR_0", "TR_1"] { harness.sound(silence, track: track) }
            harness.clock.advance(by: .milliseconds(20))
        }
        for frame in 0..<10 {
            for track in ["TR_0", "TR_1"] { harness.sound(silence, track: track) }
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_2")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.samples == ramp(0..<4800))
        #expect(harness.client.events("error").isEmpty)
    }

    @Test("those who make place are heard again when they speak")
    func comingBack() throws {
        let harness = try room(3)
        harness.clock.advance(by: .seconds(1))
        for track in ["TR_2", "TR_0", "TR_1"] {
            harness.sound(ramp(0..<480), track: track)
            // The gate closes, and the place is free for whoever comes.
            harness.clock.advance(by: .seconds(2))
        }
        #expect(harness.client.samples == ramp(0..<480) + ramp(0..<480) + ramp(0..<480))
    }

    @Test("who is silent takes nobody's place, by the sender's word or by the size of the packets")
    func silentNewcomer() throws {
        let harness = try room(3)
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.clock.advance(by: .seconds(1))
        harness.packet([0xF8, 0xFF, 0xFE], track: "TR_2")
        let loud = [0xF8] + bytesOf(ramp(0..<480))
        let level = AudioLevel(negatedDecibels: 80, hasVoice: false)
        let packet = AudioPacket(sequenceNumber: 0, timestamp: 0, audioLevel: level, payload: loud.span.bytes)
        harness.hear(.packet(packet, samples: 960), track: "TR_2")
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.samples == ramp(0..<480))
    }

    @Test("when more have sound than are decoded, the client is told once which setting says so")
    func tooMany() throws {
        let harness = try room(3)
        harness.clock.advance(by: .seconds(1))
        for frame in 0..<20 {
            for number in 0..<3 { harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_\(number)") }
            harness.clock.advance(by: .milliseconds(20))
        }
        let errors = harness.client.events("error")
        #expect(errors.count == 1 && errors.first?["code"] == "too_many_tracks")
        #expect(errors.first?["message"]?.string?.contains("MAX_TRACKS") == true)
    }

    @Test("a track that ends makes place, and a muted one is not decoded")
    func ending() throws {
        let harness = try room(3)
        harness.room.emit(.trackEnded(track: "TR_0"))
        harness.room.emit(.trackMuted(track: "TR_2", isMuted: true))
        harness.sound(ramp(0..<480), track: "TR_2")
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.client.samples.isEmpty)
        harness.room.emit(.trackMuted(track: "TR_2", isMuted: false))
        harness.sound(ramp(0..<480), track: "TR_2")
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.client.samples == ramp(0..<480))
    }
}
