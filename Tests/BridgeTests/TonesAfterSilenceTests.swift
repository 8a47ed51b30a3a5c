import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

#if canImport(Glibc)
    import Glibc
#endif

/// libopus with DTX makes a tone that follows silence up to 26 dB too loud at 8 kHz.
@Suite("Tones, beeps and music after silence are as loud as they were played")
struct TonesAfterSilenceTests {
    enum Sound: CaseIterable, CustomTestStringConvertible {
        case dialTone, ringBack, whistle, warble, beep, music
        var testDescription: String { "\(self)" }

        /// At a time in seconds since it began; its root mean square is 2000 while it sounds.
        func sample(at time: Double) -> Double {
            let peak = 2000 * 2.0.squareRoot()
            func tone(_ frequency: Double) -> Double { sin(2 * .pi * frequency * time) }
            switch self {
            case .dialTone: return peak * (tone(440) + tone(480)) / 2.0.squareRoot()
            case .ringBack: return time.truncatingRemainder(dividingBy: 1.2) < 0.8 ? peak * tone(425) : 0
            // From 1 to 2 kHz in two seconds.
            case .whistle: return peak * sin(2 * .pi * (1000 * time + 250 * time * time))
            case .warble: return peak * sin(2 * .pi * 900 * time + 20 * sin(2 * .pi * 6 * time))
            case .beep: return time < 0.5 ? peak * tone(1000) : 0
            case .music:
                let local = time.truncatingRemainder(dividingBy: 0.5)
                let root = [220.0, 262, 330, 392][Int(time * 2) % 4]
                let chord = (1...6).reduce(0.0) { $0 + sin(2 * .pi * root * Double($1) * time) / Double($1) }
                return 2200 * exp(-local) * chord
            }
        }
    }

    struct Way: CustomTestStringConvertible {
        let query: String
        let rate: Int
        var link = OpusProfile.Link.wide
        var testDescription: String { "\(query), \(link)" }

        static let all = [
            Way(query: "sample_rate=8000", rate: 8000), Way(query: "sample_rate=16000", rate: 16_000),
            Way(query: "sample_rate=24000", rate: 24_000), Way(query: "sample_rate=48000", rate: 48_000),
            Way(query: "encoding=mulaw&sample_rate=8000", rate: 8000),
            Way(query: "sample_rate=8000", rate: 8000, link: .thin),
            Way(query: "sample_rate=16000", rate: 16_000, link: .thin),
        ]
    }

    @Test("within 1.5 dB from the first 200 ms on, at every rate, in μ-law, and on a thin uplink", arguments: Way.all)
    func loudness(way: Way) throws {
        for sound in Sound.allCases {
            var profile = OpusProfile()
            profile.link = way.link
            let harness = try Harness(way.query, coders: LibraryCoders(profile: profile))
            harness.room.welcome()
            var parameters = DeviceDialect.descriptor.defaults
            try parameters.apply(query: QueryString(way.query).pairs)
            let samples =
                [Int16](repeating: 0, count: way.rate * 6 / 5)
                + (0..<way.rate * 2).map { Int16(sound.sample(at: Double($0) / Double(way.rate))) }
            let played = harness.clock.now
            for start in stride(from: 0, to: samples.count, by: way.rate / 50) {
                var bytes: [UInt8] = []
                SampleEncoder.append(
                    samples.span.extracting(start..<start + way.rate / 50), as: parameters.input.encoding,
                    channels: 1, to: &bytes)
                harness.send(bytes: bytes)
                harness.clock.advance(by: .milliseconds(20))
            }
            let packets = harness.room.packets.filter { $0.at >= played }
            let heard = try RoomListener(sampleRate: way.rate).hear(packets, atLeast: samples.count)
            // In pieces of 200 ms, which an encoder's look-ahead of up to 7 ms hardly shifts.
            let piece = way.rate / 5
            // SILK at 24 kbit/s is no codec for chords.
            let tolerance = way.link == .thin && sound == .music ? 3.0 : 1.5
            for start in stride(from: way.rate * 6 / 5, to: samples.count - piece, by: piece) {
                let (before, after) = (decibels(samples[start..<start + piece]), decibels(heard[start..<start + piece]))
                guard before > -40 else { continue }
                #expect(abs(after - before) < tolerance, "\(sound) at \(start * 1000 / way.rate) ms")
            }
        }
    }
}
