import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

/// Recordings at a rate that Opus does not have.
@Suite("Recordings are converted while they are played")
struct RecordingTests {
    /// Halves the rate by leaving out every other sample, and notes how much it was given at a time.
    private final class Halver: RateConverter {
        var pieces: [Int] = []
        private var isOdd = false

        func convert(_ samples: Span<Int16>, appendingTo output: inout [Int16]) {
            pieces.append(samples.count)
            for index in samples.indices {
                if !isOdd { output.append(samples[index]) }
                isOdd.toggle()
            }
        }
    }

    private final class Coders: AudioCoderFactory {
        let watched = CountingCoders(FakeCoders())
        let halver = Halver()
        func makeEncoder(
            sampleRate: Int, for listener: EncoderListener
        ) throws(AudioCoderFailure) -> any SpeechEncoder {
            try watched.makeEncoder(sampleRate: sampleRate, for: listener)
        }
        func makeDecoder(sampleRate: Int) throws(AudioCoderFailure) -> any SpeechDecoder {
            try watched.makeDecoder(sampleRate: sampleRate)
        }
        func makeConverter(from inputRate: Int, to outputRate: Int) -> any RateConverter { halver }
    }

    private final class Room: UplinkSink {
        var now = Instant.zero
        var heard: [Int16] = []
        var sentAt: [Instant] = []
        var turnsPlayedAfter: [Int] = []
        func sendAudio(_ packet: RawSpan, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?) {
            sentAt.append(now)
            heard += samplesOf([UInt8](copying: packet.extracting(droppingFirst: 1))).filter { $0 != 0 }
        }
    }

    private let coders = Coders()
    private let room = Room()
    private let uplink: Uplink

    init() throws {
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000)
        uplink = try Uplink(format: format, limits: Limits(), coders: coders, now: room.now)
        uplink.connect(to: room)
        uplink.release(now: room.now)
        uplink.start(now: room.now)
    }

    private func say(_ samples: Range<Int>) throws {
        try uplink.append(recording: recording(ramp(samples).flatMap { [$0, 0] }, sampleRate: 32_000), now: room.now)
    }

    /// A difference of so many samples would take minutes to be described.
    private func heard(_ samples: Range<Int>) -> Bool { room.heard == ramp(samples) }

    /// Lets ticks pass.
    private func play(milliseconds: Int) {
        for _ in 0..<milliseconds / 10 {
            room.now += .milliseconds(10)
            uplink.pump(now: room.now)
            for _ in 0..<uplink.takePlayedTurns(now: room.now) { room.turnsPlayedAfter.append(room.heard.count) }
        }
    }

    @Test("a minute is never converted at once, and arrives whole and in order")
    func pieces() throws {
        try say(0..<960_000)
        #expect(coders.halver.pieces.reduce(0, +) <= 32_000)
        #expect(uplink.queuedMilliseconds >= 59_000)
        play(milliseconds: 62_000)
        #expect(coders.halver.pieces.reduce(0, +) == 1_920_000)
        #expect((coders.halver.pieces.max() ?? 0) <= 6400)
        #expect(heard(0..<960_000))
    }

    @Test("a turn that ends with a recording has been played when its last sample has")
    func turnEnd() throws {
        try say(0..<32_100)
        uplink.endTurn(now: room.now)
        play(milliseconds: 1500)
        #expect(room.turnsPlayedAfter.isEmpty)
        play(milliseconds: 4000)
        #expect(room.turnsPlayedAfter == [32_100] && heard(0..<32_100))
    }

    @Test("what is said after a recording comes after its end")
    func order() throws {
        try say(0..<32_000)
        uplink.endTurn(now: room.now)
        try say(32_000..<64_000)
        let live = bytesOf(ramp(64_000..<64_320))
        let isSound = uplink.append(live.span.bytes, now: room.now)
        #expect(isSound)
        play(milliseconds: 7000)
        #expect(heard(0..<64_320) && room.turnsPlayedAfter == [32_000])
    }

    @Test("a second recording, and what is said live, cost nothing while they wait for the end of the first one")
    func waitingBehind() throws {
        try say(0..<320_000)
        try say(320_000..<640_000)
        let live = bytesOf(ramp(640_000..<640_320))
        _ = uplink.append(live.span.bytes, now: room.now)
        #expect(coders.halver.pieces.reduce(0, +) <= 32_000)
        play(milliseconds: 41_000)
        #expect((coders.halver.pieces.max() ?? 0) <= 6400)
        #expect(heard(0..<640_320))
    }

    @Test("of three recordings that are longer than a minute together the oldest sound gives way and is counted")
    func tooMuch() throws {
        for start in [0, 400_000, 800_000] { try say(start..<start + 400_000) }
        // The first frame has been sent.
        #expect(uplink.samplesDropped == (75_000 - 20 - 60_000) * 48)
        #expect(uplink.queuedMilliseconds == 60_000)
        play(milliseconds: 62_000)
        let isRight = room.heard == ramp(0..<320) + ramp(240_000..<1_200_000)
        #expect(isRight)
        #expect(uplink.samplesSent + uplink.samplesDropped == 75_000 * 48)
    }

    @Test("a recording of Opus packets is decoded a fifth of a second before it is played")
    func packets() {
        let pause = [0xF8] + bytesOf([Int16](repeating: 0, count: 320))
        for _ in 0..<3000 { _ = uplink.append(opus: pause.span.bytes, isRecorded: true, now: room.now) }
        #expect(coders.watched.decoded <= 12 && uplink.queuedMilliseconds >= 59_900)
        play(milliseconds: 1000)
        #expect(coders.watched.decoded <= 62)
        play(milliseconds: 60_000)
        #expect(coders.watched.decoded == 3000 && uplink.queuedMilliseconds == 0)
    }

    @Test("a piece of Opus that comes early in a pause does not make those late that follow")
    func earlyPiece() {
        func piece(_ samples: [Int16]) {
            let packet = [0xF8] + bytesOf(samples)
            for _ in 0..<15 {
                let isSound = uplink.append(opus: packet.span.bytes, isRecorded: true, now: room.now)
                #expect(isSound)
            }
        }
        let pause = [Int16](repeating: 0, count: 320)
        piece(ramp(0..<320))
        play(milliseconds: 300)
        piece(pause)
        play(milliseconds: 290)
        piece(pause)
        play(milliseconds: 310)
        piece(ramp(0..<320))
        play(milliseconds: 280)
        let gaps = Set(zip(room.sentAt, room.sentAt.dropFirst()).map { $1 - $0 })
        #expect(room.sentAt.count == 60 && gaps == [.milliseconds(20)])
    }

    @Test("whoever mutes takes back what has not been played, and the turns in it are over")
    func muting() throws {
        try say(0..<32_000)
        uplink.endTurn(now: room.now)
        try say(32_000..<64_000)
        uplink.endTurn(now: room.now)
        uplink.setMuted(true, now: room.now)
        uplink.setMuted(false, now: room.now)
        play(milliseconds: 3000)
        #expect(uplink.queuedMilliseconds == 0 && room.heard.count < 6400)
        #expect(room.turnsPlayedAfter.count == 2)
    }
}
