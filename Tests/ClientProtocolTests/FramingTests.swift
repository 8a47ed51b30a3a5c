import Testing

@testable import ClientProtocol

@Suite("Frames and pieces")
struct FramingTests {
    @Test("frames are exact and in order, whatever arrives", arguments: [1, 7, 319, 320, 321, 5000])
    func exactFrames(chunk: Int) {
        let ramp = (0..<6400).map { Int16($0) }
        var assembler = FrameAssembler(sampleRate: 16000, limit: 100_000)
        var output: [Int16] = []
        var frame: [Int16] = []
        for start in stride(from: 0, to: ramp.count, by: chunk) {
            let part = Array(ramp[start..<min(start + chunk, ramp.count)])
            assembler.append(part.span)
            while assembler.next(into: &frame) {
                #expect(frame.count == 320)
                output += frame
            }
        }
        #expect(output == ramp)
        #expect(assembler.sampleCount == 0)
    }

    @Test("beyond the limit whole frames of the oldest give way, and are counted")
    func limit() {
        var assembler = FrameAssembler(sampleRate: 8000, limit: 800)
        let ramp = (0..<1000).map { Int16($0) }
        let start = Array(ramp[..<700])
        let rest = Array(ramp[700...])
        let droppedFirst = assembler.append(start.span)
        let droppedLater = assembler.append(rest.span)
        #expect(droppedFirst == 0 && droppedLater == 320)
        var frame: [Int16] = []
        _ = assembler.next(into: &frame)
        #expect(frame.first == 320)
    }

    @Test("one chunk larger than the limit keeps its end")
    func hugeChunk() {
        var ring = SampleRing(capacity: 4, limit: 100)
        let ramp = (0..<1000).map { Int16($0) }
        let dropped = ring.append(ramp.span)
        #expect(dropped == 900)
        var all = [Int16](repeating: 0, count: 100)
        let isWhole = ring.pop(into: &all)
        #expect(isWhole)
        #expect(all == (900..<1000).map { Int16($0) })
    }

    @Test("a ring that has grown for a burst keeps its order and gives the memory back")
    func growth() {
        var ring = SampleRing(capacity: 16, limit: 100_000)
        var next: Int16 = 0
        var expected: Int16 = 0
        var out = [Int16](repeating: 0, count: 5)
        for round in 0..<200 {
            let part = (0..<(round % 37)).map { Int16(truncatingIfNeeded: Int(next) + $0) }
            ring.append(part.span)
            next &+= Int16(part.count)
            while ring.count > (round % 50) * 3, ring.pop(into: &out) {
                #expect(out == (0..<5).map { Int16(truncatingIfNeeded: Int(expected) + $0) })
                expected &+= 5
            }
        }
        let grown = ring.capacity
        ring.drop(ring.count - 3)
        ring.shrink(to: 8)
        #expect(ring.capacity == 8 && grown > 8 && ring.count == 3)
    }

    @Test("an unfinished frame can be flushed with silence")
    func flush() {
        var assembler = FrameAssembler(sampleRate: 8000, limit: 1000)
        let part: [Int16] = [1, 2, 3]
        assembler.append(part.span)
        var frame: [Int16] = []
        let isWhole = assembler.next(into: &frame)
        let hasRest = assembler.flush(into: &frame)
        let flushed = frame
        let hasMore = assembler.flush(into: &frame)
        #expect(!isWhole && hasRest && !hasMore)
        #expect(flushed.count == 160 && flushed[2] == 3 && flushed[3] == 0)
    }

    @Test(
        "output frames have the length asked for at every rate, to the sample over a second",
        arguments: AudioFormat.sampleRates, SessionParameters.frameLengths)
    func outputFrames(rate: Int, milliseconds: Int) {
        var framer = OutputFramer(sampleRate: rate, milliseconds: milliseconds)
        var lengths: [Int] = []
        let second = [Int16](repeating: 1, count: rate)
        framer.append(second.span) { lengths.append($0.count) }
        #expect(lengths.reduce(0, +) + framer.pendingSampleCount == rate)
        #expect(lengths.count == 1000 / milliseconds)
        let exact = rate * milliseconds / 1000
        #expect(lengths.allSatisfy { $0 == exact || $0 == exact + 1 })
    }

    @Test("the end of a spurt fills a frame up with silence")
    func paddedEnd() {
        var framer = OutputFramer(sampleRate: 8000, milliseconds: 20)
        let part: [Int16] = [5, 5, 5]
        var pieces: [[Int16]] = []
        framer.append(part.span) { pieces.append($0.indices.map { _ in 0 }) }
        framer.flush { piece in pieces.append(piece.indices.map { piece[$0] }) }
        framer.flush { _ in pieces.append([]) }
        #expect(pieces == [[5, 5, 5] + [Int16](repeating: 0, count: 157)])
    }

    @Test("mixing adds, and clips at full scale")
    func mixing() {
        var mixer = Mixer()
        let first: [Int16] = [1, 30000, -30000, 5]
        let second: [Int16] = [2, 30000, -30000]
        var frame: [Int16] = []
        mixer.begin(count: 4)
        mixer.add(first.span)
        mixer.add(second.span)
        mixer.finish(into: &frame)
        #expect(frame == [3, 32767, -32768, 5])
        mixer.begin(count: 4)
        mixer.finish(into: &frame)
        #expect(frame == [0, 0, 0, 0])
    }

    @Test("the level of a frame in -dBov falls by six for each halving")
    func level() {
        #expect(SoundLevel.audioLevel(rootMeanSquare: 0) == 127)
        #expect(SoundLevel.audioLevel(rootMeanSquare: 32768) == 0)
        #expect(SoundLevel.audioLevel(rootMeanSquare: 16384) == 6)
        #expect(SoundLevel.audioLevel(rootMeanSquare: 1) == 90)
        for level: UInt8 in 0...80 {
            let sound = SoundLevel.rootMeanSquare(audioLevel: level)
            #expect(abs(Int(SoundLevel.audioLevel(rootMeanSquare: sound)) - Int(level)) <= 1)
        }
        #expect(SoundLevel.rootMeanSquare(audioLevel: 127) == 0 && SoundLevel.rootMeanSquare(audioLevel: 255) == 0)
        let square: [Int16] = [1000, -1000, 1000, -1000]
        #expect(SoundLevel.rootMeanSquare(square.span) == 1000)
    }
}
