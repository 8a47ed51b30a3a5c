import Bridge
import ClientProtocol
import Testing
import Wire

@Suite("Sound that cannot be coded")
struct CodingFailureTests {
    /// Coders that fail as they are told.
    private final class FailingCoders: AudioCoderFactory {
        private final class Encoder: SpeechEncoder {
            func encode(_ frame: Span<Int16>, isIndependent: Bool, into packet: inout MutableSpan<UInt8>) -> Int? {
                nil
            }
        }
        let fakes = FakeCoders()
        var makesEncoders = false

        func makeEncoder(sampleRate: Int, for listener: EncoderListener) throws(AudioCoderFailure) -> any SpeechEncoder
        {
            guard makesEncoders else { throw AudioCoderFailure(message: "out of memory") }
            return Encoder()
        }
        func makeDecoder(sampleRate: Int) -> any SpeechDecoder { fakes.makeDecoder(sampleRate: sampleRate) }
        func makeConverter(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) -> any RateConverter {
            try fakes.makeConverter(from: inputRate, to: outputRate)
        }
    }

    @Test(
        "a caller who is mute because there is no encoder, or because it refuses, is counted", arguments: [false, true])
    func up(makesEncoders: Bool) throws {
        let coders = FailingCoders()
        coders.makesEncoders = makesEncoders
        let harness = try Harness(coders: coders)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        let before = harness.session.currentStatistics.codingFailures
        harness.stream(ramp(0..<1600))
        #expect(harness.session.currentStatistics.codingFailures >= before + 5)
        #expect(harness.room.packets.isEmpty && harness.client.closure == nil)
    }

    @Test("a packet of the agent that cannot be decoded is counted, and the session goes on")
    func down() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        harness.packet([0xF8], track: "TR")
        #expect(harness.session.currentStatistics.codingFailures == 1)
        harness.sound(ramp(0..<480), track: "TR")
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.client.samples == ramp(0..<480))
    }

    @Test("an agent is not mute in silence when its sound cannot be encoded for the client")
    func opusOut() throws {
        let harness = try Harness("output_encoding=opus", coders: FailingCoders())
        harness.room.welcome()
        for track in ["TR_1", "TR_2"] {
            harness.room.emit(.trackSubscribed(track: track, participant: "agent-1"))
        }
        let before = harness.session.currentStatistics.codingFailures
        harness.sound(ramp(0..<960), track: "TR_1")
        harness.clock.advance(by: .milliseconds(10))
        #expect(harness.session.currentStatistics.codingFailures > before)
    }
}
