import TestSupport
import Testing

@testable import ClientProtocol

@Suite("Opus framing and container names")
struct OpusFramesTests {
    @Test("the length of a packet follows from its first bytes")
    func lengths() {
        #expect(OpusFrames(bytes: [0x48, 1])?.sampleCount == 960)
        #expect(OpusFrames(bytes: [0x18, 1])?.sampleCount == 2880)
        #expect(OpusFrames(bytes: [0x60, 1])?.sampleCount == 480)
        #expect(OpusFrames(bytes: [0xE0, 1])?.sampleCount == 120)
        #expect(OpusFrames(bytes: [0xFB, 3, 1, 2, 3])?.sampleCount == 2880)
        #expect(OpusFrames(bytes: [0xF8])?.ranges == [1..<1])
    }

    @Test("every framing code gives the frames, padding left out")
    func codes() {
        #expect(OpusFrames(bytes: [0xF9, 1, 2, 3, 4])?.ranges == [1..<3, 3..<5])
        #expect(OpusFrames(bytes: [0xFA, 1, 7, 8, 9])?.ranges == [2..<3, 3..<5])
        #expect(OpusFrames(bytes: [0xFB, 0x02, 1, 2])?.ranges == [2..<3, 3..<4])
        #expect(OpusFrames(bytes: [0xFB, 0x83, 1, 0, 5, 6, 7])?.ranges == [4..<5, 5..<5, 5..<7])
        #expect(OpusFrames(bytes: [0xFB, 0x41, 2, 5, 0, 0])?.ranges == [3..<4])
        let padded: [UInt8] = [0xFB, 0x41, 255, 1, 5] + [UInt8](repeating: 0, count: 255)
        #expect(OpusFrames(bytes: padded)?.ranges == [4..<5])
    }

    @Test(
        "what breaks a rule of RFC 6716 section 3.4 is not a packet",
        arguments: [
            [], [0xF9, 1, 2, 3], [0xFA], [0xFA, 9, 1], [0xFB], [0xFB, 0],
            [0xFB, 0x02, 1, 2, 3], [0xFB, 0x82], [0xFB, 0x82, 200, 1], [0xFB, 0x41], [0xFB, 0x41, 9, 1], [0x1B, 3, 1],
            [0xF8] + [UInt8](repeating: 0, count: 1276), [0xFA, 252],
        ] as [[UInt8]])
    func refused(bytes: [UInt8]) { #expect(OpusFrames(bytes: bytes) == nil) }

    @Test("random bytes never trap, and frames lie inside")
    func noise() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<20000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            guard let frames = OpusFrames(bytes: bytes) else { continue }
            #expect(frames.ranges.allSatisfy { $0.lowerBound >= 1 && $0.upperBound <= bytes.count })
            let parts = OpusFrames.split(bytes, maximumSize: 0) ?? []
            #expect(parts.reduce(0) { $0 + $1.samples } == frames.sampleCount)
            #expect(parts.allSatisfy { OpusFrames(bytes: $0.bytes)?.sampleCount == $0.samples })
        }
    }

    @Test("containers are known by their first bytes, as soon as these suffice")
    func identification() throws {
        let files: [(String, AudioContainer)] = [
            ("WAV/pcm16.wav", .wav), ("Containers/live.webm", .webM), ("Containers/mono.ogg", .ogg),
            ("Containers/safari.mp4", .mp4),
        ]
        for (path, container) in files {
            let bytes = try fixture(path)
            #expect(AudioContainer.identify(bytes) == .container(container))
            for length in 0..<12 {
                let early = AudioContainer.identify(Array(bytes[..<length]))
                #expect(early == .undecided || early == .container(container))
            }
        }
        #expect(AudioContainer.identify(Array("fLaC".utf8)) == .container(.flac))
        #expect(AudioContainer.identify([9, 9]) == .unknown)
        #expect(AudioContainer.identify(Array("RIFFxxxxAVI ".utf8)) == .unknown)
        #expect(AudioContainer.mp4.name.contains("MP4 (AAC)") && !AudioContainer.mp4.isAccepted)
    }
}
