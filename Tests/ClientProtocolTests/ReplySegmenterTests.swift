import TestSupport
import Testing
import Wire

@testable import ClientProtocol

private func milliseconds(_ count: Int) -> Instant { Instant(nanoseconds: Int64(count) * 1_000_000) }

/// A voice of a kind: loud and soft stretches, short dips, and pauses of the given lengths after each phrase.
private func voice(phrases: [(speech: Int, pause: Int)], rate: Int, seed: UInt64 = 1) -> [Int16] {
    var random = SplitMix64(seed: seed)
    var samples: [Int16] = []
    for phrase in phrases {
        let count = phrase.speech * rate / 1000
        var dip = 0
        for index in 0..<count {
            if index % (rate / 6) == 0 { dip = Int.random(in: rate / 40...rate / 20, using: &random) }
            dip -= 1
            let noise = Int.random(in: -1000...1000, using: &random)
            samples.append(Int16(clamping: dip > 0 ? noise / 5 + 60 : noise * 8 + (noise < 0 ? -60 : 60)))
        }
        samples += [Int16](repeating: 0, count: phrase.pause * rate / 1000)
    }
    return samples
}

/// Pieces with the times, in milliseconds, at which they were sent.
private struct Sent {
    var at: Int
    var samples: [Int16]
}

/// Feeds sound in real time, `frame` milliseconds at once, with a tick every 20 ms; ends the reply when it is over.
private func run(
    _ sound: [Int16], rate: Int, frame: Int = 20, segmenter: inout ReplySegmenter, from start: Int = 0,
    delay: (Int) -> Int = { _ in 0 }
) -> [Sent] {
    var sent: [Sent] = []
    var offset = 0
    var now = start
    let perFrame = rate * frame / 1000
    var frames = 0
    func drain(_ segmenter: inout ReplySegmenter) {
        while let piece = segmenter.poll() { sent.append(Sent(at: now, samples: piece)) }
    }
    while offset < sound.count {
        now += 5
        while offset < sound.count, start + (frames + 1) * frame + delay(frames) <= now {
            let part = Array(sound[offset..<min(sound.count, offset + perFrame)])
            segmenter.append(part.span, now: milliseconds(now))
            offset += perFrame
            frames += 1
        }
        if now.isMultiple(of: 20) { segmenter.handleTimeout(now: milliseconds(now)) }
        drain(&segmenter)
    }
    segmenter.endReply(now: milliseconds(now))
    drain(&segmenter)
    return sent
}

/// When a player that needs `gap` ms between pieces plays each one; pieces are on their way for `latency(index)` ms.
private func play(_ sent: [Sent], rate: Int, gap: Int, latency: (Int) -> Int) -> [(start: Double, end: Double)] {
    var played: [(start: Double, end: Double)] = []
    var free = 0.0
    for (index, piece) in sent.enumerated() {
        let start = max(free, Double(piece.at + latency(index)))
        let end = start + Double(piece.samples.count) * 1000 / Double(rate)
        played.append((start, end))
        free = end + Double(gap)
    }
    return played
}

@Suite("Reply pieces")
struct ReplySegmenterTests {
    private let rate = 24000

    private func make() -> ReplySegmenter { ReplySegmenter(sampleRate: rate) }

    @Test("all sound is sent, in order and once, whatever the frames are", arguments: [1, 7, 10, 20, 60, 3000])
    func complete(frame: Int) {
        let sound = voice(phrases: [(700, 0), (1300, 150), (400, 0), (2000, 0)], rate: rate)
        var segmenter = make()
        let sent = run(sound, rate: rate, frame: frame, segmenter: &segmenter)
        #expect(sent.flatMap(\.samples) == sound)
        #expect(segmenter.pendingSampleCount == 0 && segmenter.nextDeadline == nil)
    }

    @Test("the first piece is about 200 ms and sent by then; none is longer than a second")
    func lengths() {
        let sound = voice(phrases: [(20_000, 0)], rate: rate)
        var segmenter = make()
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        let lengths = sent.map { $0.samples.count * 1000 / rate }
        #expect((140...200).contains(lengths[0]) && sent[0].at <= 200)
        #expect(lengths.allSatisfy { $0 <= 1000 } && lengths.dropLast().allSatisfy { $0 >= 60 })
        // They grow as the client falls back.
        let early = lengths[1..<6].reduce(0, +) / 5
        let late = lengths.dropLast().suffix(5).reduce(0, +) / 5
        #expect(late > early + 50)
    }

    @Test("a burst is cut into a short piece and pieces of up to a second, all at once or before the player is dry")
    func burst() {
        let sound = voice(phrases: [(5000, 0)], rate: rate)
        var segmenter = make()
        segmenter.append(sound.span, now: .zero)
        var lengths: [Int] = []
        while let piece = segmenter.poll() { lengths.append(piece.count * 1000 / rate) }
        #expect((140...200).contains(lengths[0]))
        #expect(lengths.dropFirst().allSatisfy { (700...1000).contains($0) } && lengths.count >= 5)
        #expect(segmenter.nextDeadline.map { $0 <= milliseconds(1000) } ?? (segmenter.pendingSampleCount == 0))
    }

    @Test(
        "players of every kind, over a network with jitter, find no gap over 30 ms inside of words",
        arguments: [0, 3, 10, 20], [UInt64(1), 2])
    func noGaps(gap: Int, seed: UInt64) {
        let phrases = [(3000, 120), (2500, 60), (1800, 350), (4000, 600), (2500, 190), (3000, 0)]
        let sound = voice(phrases: phrases, rate: rate, seed: seed)
        var random = SplitMix64(seed: seed)
        var segmenter = make()
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        let latencies = sent.map { _ in Int.random(in: 20...40, using: &random) }
        let played = play(sent, rate: rate, gap: gap) { latencies[$0] }
        // Where pieces follow each other without a pause in the agent's sound.
        var position = 0
        var gaps: [Double] = []
        var betweenWords: [Double] = []
        var pauses: [Double] = []
        var place = 0
        for (index, piece) in sent.enumerated() {
            // Only pauses are zeros, so the first other sample tells how much of one was left out.
            var zeros = 0
            while zeros < piece.samples.count, piece.samples[zeros] == 0 { zeros += 1 }
            place = position
            while place < sound.count, sound[place] == 0 { place += 1 }
            place -= zeros
            let omitted = place - position
            let isBetweenWords = isLow(sound, before: place) || isLow(sound, before: place + rate / 50)
            place += piece.samples.count
            position = place
            guard index > 0 else { continue }
            let silence = Double(omitted) * 1000 / Double(rate)
            let heard = played[index].start - played[index - 1].end
            if omitted > 0 {
                pauses.append(heard - silence)
            } else if isBetweenWords {
                betweenWords.append(heard)
            } else {
                gaps.append(heard)
            }
        }
        #expect(gaps.count + betweenWords.count > 20 && pauses.count >= 2)
        #expect((gaps.max() ?? 0) <= 30)
        // Where the agent pauses anyway.
        #expect((betweenWords.max() ?? 0) <= 60 && (pauses.max() ?? 0) <= 80)
    }

    /// Whether 10 ms that end in the 20 ms before a place are low.
    private func isLow(_ sound: [Int16], before place: Int) -> Bool {
        let size = rate / 100
        return stride(from: place - size, through: place, by: size / 4).contains { end in
            end >= size && end <= sound.count && sound[end - size..<end].allSatisfy { abs(Int($0)) < 400 }
        }
    }

    @Test("where words have pauses between them, pieces grow to twice their length in five seconds")
    func growth() {
        var random = SplitMix64(seed: 3)
        // Words of 200 ms with 40 ms between them.
        let sound = (0..<rate * 10).map { index -> Int16 in
            index % (rate * 24 / 100) < rate / 5 ? Int16.random(in: -8000...8000, using: &random) : 3
        }
        var segmenter = make()
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        #expect(sent.flatMap(\.samples) == sound)
        let lengths = sent.map { $0.samples.count * 1000 / rate }
        let early = lengths[1..<6].reduce(0, +) / 5
        let late = sent.filter { $0.at > 5000 }.dropLast().map { $0.samples.count * 1000 / rate }
        let average = late.reduce(0, +) / late.count
        #expect(average > 2 * early)
        // A player that loses nothing at the joints hears each pause longer by a twentieth of a second at most.
        let gaps = gapsHeard(sent)
        #expect(gaps.allSatisfy { $0 <= 50 })
    }

    @Test(
        "pieces have the length that the client asked for, the first one included", arguments: [100, 500, 1000, 2000])
    func chosenLength(milliseconds: Int) {
        let sound = voice(phrases: [(9000, 0)], rate: rate)
        var segmenter = ReplySegmenter(sampleRate: rate, configuration: .init(pieceMilliseconds: milliseconds))
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        #expect(sent.flatMap(\.samples) == sound)
        let lengths = sent.map { $0.samples.count * 1000 / rate }
        #expect(lengths.dropLast().allSatisfy { (milliseconds / 2...milliseconds).contains($0) })
        let gaps = gapsHeard(sent)
        #expect(gaps.allSatisfy { $0 <= 50 })
    }

    /// What a player that loses nothing at the joints hears between the pieces, in ms.
    private func gapsHeard(_ sent: [Sent]) -> [Double] {
        let played = play(sent, rate: rate, gap: 0) { _ in 30 }
        return zip(played.dropFirst(), played).map { $0.start - $1.end }
    }

    @Test("what waits is never older than one piece")
    func neverBehind() {
        let sound = voice(phrases: [(8000, 300), (8000, 0)], rate: rate)
        var segmenter = make()
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        var position = 0
        for piece in sent {
            // The first sample of the piece came at this time, at the earliest; pauses only make it later.
            let arrived = position * 1000 / rate
            #expect(piece.at - arrived <= 1000 + 300 + 25)
            position += piece.samples.count
        }
        #expect(sent.last.map { $0.at <= sound.count * 1000 / rate + 25 } == true)
    }

    @Test("silence alone is never sent, and long pauses are left out but for a fade")
    func silence() {
        var segmenter = make()
        let quiet = [Int16](repeating: 2, count: rate * 3)
        #expect(run(quiet, rate: rate, segmenter: &segmenter).isEmpty)
        let speech = voice(phrases: [(500, 1500), (500, 1500)], rate: rate)
        let sent = run(speech, rate: rate, segmenter: &segmenter, from: 5000)
        let total = sent.reduce(0) { $0 + $1.samples.count } * 1000 / rate
        #expect((1000...1080).contains(total))
        #expect(sent.allSatisfy { $0.samples.contains { $0.magnitude > 50 } })
    }

    @Test(
        "a pause of the agent keeps its length to within a few milliseconds, short or long", arguments: [100, 400, 900])
    func rhythm(pause: Int) {
        // Without pauses between words, where joints would take their time.
        let sound = voice(phrases: [(2000, pause), (2000, 0)], rate: rate).map { sample -> Int16 in
            sample == 0 ? 0 : sample < 0 ? -2000 : 2000
        }
        var segmenter = make()
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        let played = play(sent, rate: rate, gap: 0) { _ in 30 }
        // From the start of the first sound to the end of the last one.
        let heard = (played.last?.end ?? 0) - (played.first?.start ?? 0)
        let wanted = Double(4000 + pause)
        #expect(abs(heard - wanted) < 80)
    }

    @Test("pieces are cut where the sound is low")
    func quietCuts() {
        // Loud, with 20 ms that are low every 150 ms.
        let period = rate * 150 / 1000
        let low = rate * 20 / 1000
        let sound = (0..<rate * 6).map { index -> Int16 in
            let loud: Int16 = index % 2 == 0 ? 9000 : -9000
            return index % period >= period - low ? loud / 100 : loud
        }
        var segmenter = ReplySegmenter(sampleRate: rate)
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        var position = 0
        var atLow = 0
        for piece in sent.dropLast() {
            position += piece.samples.count
            if abs(Int(sound[position])) < 100 { atLow += 1 }
        }
        // Not each search window holds a low place while pieces are as short as the period.
        #expect(sent.flatMap(\.samples) == sound)
        #expect(atLow * 10 >= (sent.count - 1) * 4)
    }

    @Test("sound that just stops is sent at its deadline, without anything following")
    func deadline() throws {
        var segmenter = make()
        let part = voice(phrases: [(80, 0)], rate: rate)
        segmenter.append(part.span, now: milliseconds(1000))
        #expect(segmenter.poll() == nil)
        let deadline = try #require(segmenter.nextDeadline)
        #expect(deadline == milliseconds(1200))
        segmenter.handleTimeout(now: milliseconds(1199))
        #expect(segmenter.poll() == nil)
        segmenter.handleTimeout(now: deadline)
        let piece = segmenter.poll()
        #expect(piece.map { $0.count > part.count / 2 } == true)
    }

    @Test("the end of a reply sends the rest at once, and the next reply starts with a short piece")
    func endOfReply() {
        var segmenter = make()
        _ = run(voice(phrases: [(10_000, 0)], rate: rate), rate: rate, segmenter: &segmenter)
        let word = voice(phrases: [(90, 0)], rate: rate)
        segmenter.append(word.span, now: milliseconds(20_000))
        segmenter.endReply(now: milliseconds(20_010))
        #expect(segmenter.poll() == word && segmenter.poll() == nil)
        let sent = run(
            voice(phrases: [(2000, 0)], rate: rate), rate: rate, segmenter: &segmenter, from: 30_000)
        #expect(sent[0].at <= 30_200 && sent[0].samples.count <= rate / 5)
    }

    @Test("an interruption throws away what waits")
    func discard() {
        var segmenter = make()
        let word = voice(phrases: [(150, 0)], rate: rate)
        segmenter.append(word.span, now: .zero)
        segmenter.discard()
        segmenter.endReply(now: milliseconds(10))
        #expect(segmenter.poll() == nil && segmenter.nextDeadline == nil)
    }

    @Test("after a stall of the track the distance to the client is built up again")
    func stall() {
        let sound = voice(phrases: [(6000, 0)], rate: rate)
        var segmenter = make()
        // After three seconds nothing comes for 150 ms, and then late for good.
        let sent = run(sound, rate: rate, segmenter: &segmenter) { $0 < 150 ? 0 : 150 }
        #expect(sent.flatMap(\.samples) == sound)
        let played = play(sent, rate: rate, gap: 0) { _ in 30 }
        let gaps = zip(played.dropFirst(), played).map { $0.start - $1.end }
        #expect(gaps.filter { $0 > 30 }.count <= 1 && (gaps.max() ?? 0) < 200)
    }

    @Test("every rate works", arguments: AudioFormat.sampleRates)
    func rates(rate: Int) {
        let sound = voice(phrases: [(1500, 0)], rate: rate)
        var segmenter = ReplySegmenter(sampleRate: rate)
        let sent = run(sound, rate: rate, segmenter: &segmenter)
        #expect(sent.flatMap(\.samples) == sound && sent.count >= 4)
    }

    @Test("each piece is a WAV file of its own, or plain bytes in JSON")
    func messages() throws {
        let samples = voice(phrases: [(200, 0)], rate: rate)
        for encoding in [AudioEncoding.pcmS16LE, .mulaw, .alaw, .pcmF32LE] {
            let format = AudioFormat(encoding: encoding, sampleRate: rate)
            var bytes: [UInt8] = []
            SampleEncoder.append(samples.span, as: encoding, to: &bytes)
            let message = try JSONValue(parsing: audioMessage(bytes, format, cutting: .files(milliseconds: nil)))
            #expect(message["type"] == "audio" && message.object?.members.count == 2)
            let data = try #require(message["data"]?.string)
            let file = try WAVFile(parsing: #require(Base64.decode(data)))
            #expect(file.sampleRate == rate && file.channels == 1 && file.sampleFrameCount == samples.count)
            if encoding == .pcmS16LE { #expect(file.monoSamples() == samples) }
        }
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: rate)
        let plain = try JSONValue(parsing: audioMessage(littleEndian(samples), format))
        #expect(plain["data"]?.string == Base64.encode(littleEndian(samples)))
    }
}
