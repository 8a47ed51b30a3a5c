import Bridge
import TestSupport
import Testing

/// How long a session keeps its coders, and what they are told.
@Suite("Coders of a session")
struct CoderLifeTests {
    private let coders = CountingCoders(FakeCoders())
    private let idleTime = Limits().idleCoderLife

    @Test("a caller who has said nothing for long gives back the encoder, and is heard as ever when speaking again")
    func encoder() throws {
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        harness.stream(ramp(0..<3200))
        #expect(coders.encoders == 1)
        harness.clock.advance(by: idleTime)
        harness.clock.advance(by: .seconds(5))
        #expect(coders.encoders == 0)
        harness.stream(ramp(3200..<6400))
        #expect(coders.encoders == 1 && harness.room.heard == ramp(0..<6400))
    }

    @Test("a track that has been silent for long gives back its decoder, and its next word is heard whole")
    func decoder() throws {
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR_voice", participant: "agent-1"))
        for number in 0..<10 {
            harness.sound(ramp(number * 480..<(number + 1) * 480), track: "TR_voice")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(coders.decoders == 1)
        harness.clock.advance(by: idleTime)
        harness.clock.advance(by: .seconds(1))
        #expect(coders.decoders == 0)
        for number in 10..<20 {
            harness.sound(ramp(number * 480..<(number + 1) * 480), track: "TR_voice")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(coders.decoders == 1 && harness.client.samples.filter { $0 != 0 } == ramp(0..<9600))
    }

    @Test("what the room loses is told to the encoder, also to one that is made later, and not again and again")
    func losses() throws {
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        harness.stream(ramp(0..<16_000))
        #expect(coders.losses == [])
        harness.room.reportedLossPercent = 12
        harness.stream(ramp(16_000..<48_000))
        #expect(coders.losses == [12])
        harness.clock.advance(by: idleTime)
        harness.clock.advance(by: .seconds(5))
        harness.stream(ramp(48_000..<51_200))
        #expect(coders.losses == [12, 12])
    }
}
