internal import ClientProtocol

/// Files and streams with sound.
enum ContainerTargets {
    static func wav(_ input: [UInt8]) {
        _ = AudioContainer.identify(input)
        guard let file = try? WAVFile(parsing: input) else { return }
        check(file.monoSamples().count == file.sampleFrameCount, "a WAV file has another number of samples")
    }

    /// Binary messages of a client whose bytes decide what they are, and the ends of its turns, for which the byte 0xFF stands alone.
    static func contents(_ input: [UInt8]) {
        var input = FuzzInput(input)
        var sniffer = ContentSniffer(limits: RecordingLimits())
        var isFile = false
        for piece in input.pieces() {
            var outputs: [DialectOutput] = []
            if piece == [0xFF] {
                outputs = sniffer.endTurn()
            } else {
                switch sniffer.read(piece.span) {
                case .sound: break
                case .text(let text): check(text.count <= piece.count, "a text is longer than its message")
                case .recording(let more), .refused(let more): outputs = more
                }
            }
            for case .event(let event) in outputs {
                switch event {
                case .fileFormat(let format): isFile = format != nil
                case .audio(let bytes): check(isFile && bytes.count % 2 == 0, "samples outside of a file")
                case .opusPacket(let packet): check(OpusFrames(bytes: packet) != nil, "what is no packet of Opus")
                default: break
                }
            }
        }
        _ = sniffer.endTurn()
    }

    /// The pieces in which a stream comes must not matter.
    static func webm(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let pieces = input.pieces()
        var whole = WebMDemuxer()
        var split = WebMDemuxer()
        var expected: [ContainedOpusPacket] = []
        var found: [ContainedOpusPacket] = []
        let isWhole = (try? whole.append(pieces.flatMap { $0 }, to: &expected)) != nil
        var isSplit = true
        for piece in pieces where isSplit { isSplit = (try? split.append(piece, to: &found)) != nil }
        check(isWhole == isSplit, "pieces of WebM are judged unlike the whole")
        check(expected == found, "pieces of WebM hold other packets than the whole")
    }

    static func ogg(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let pieces = withChecksums(input.pieces())
        var whole = OggDemuxer()
        var split = OggDemuxer()
        var expected: [ContainedOpusPacket] = []
        var found: [ContainedOpusPacket] = []
        let isWhole = (try? whole.append(pieces.flatMap { $0 }, to: &expected)) != nil
        var isSplit = true
        for piece in pieces where isSplit { isSplit = (try? split.append(piece, to: &found)) != nil }
        check(isWhole == isSplit, "pieces of Ogg are judged unlike the whole")
        check(expected == found, "pieces of Ogg hold other packets than the whole")
    }

    /// Puts the checksum of each page right, since nobody guesses one.
    private static func withChecksums(_ pieces: [[UInt8]]) -> [[UInt8]] {
        var stream = pieces.flatMap { $0 }
        var start = 0
        while start + 27 <= stream.count, stream[start..<start + 4].elementsEqual("OggS".utf8) {
            let body = start + 27 + Int(stream[start + 26])
            guard body <= stream.count else { break }
            let end = stream[start + 27..<body].reduce(body) { $0 + Int($1) }
            guard end <= stream.count else { break }
            for index in 22..<26 { stream[start + index] = 0 }
            var sum: UInt32 = 0
            for byte in stream[start..<end] {
                sum ^= UInt32(byte) << 24
                for _ in 0..<8 { sum = sum >> 31 == 1 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1 }
            }
            for index in 0..<4 { stream[start + 22 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
            start = end
        }
        var corrected = FuzzInput(stream)
        return pieces.map { corrected.bytes($0.count) }
    }

    /// The inside of an Opus packet, which the gateway splits when it is too large for a datagram.
    static func opus(_ input: [UInt8]) {
        _ = try? OpusHead(parsing: input)
        guard let frames = OpusFrames(bytes: input) else { return }
        for range in frames.ranges {
            check(range.lowerBound >= 0 && range.upperBound <= input.count, "an Opus frame lies outside of its packet")
        }
        for limit in [1, 100, 1275] {
            guard let parts = OpusFrames.split(input, maximumSize: limit) else { continue }
            check(parts.reduce(0) { $0 + $1.samples } == frames.sampleCount, "sound is lost when a packet is split")
            for part in parts { check(OpusFrames(bytes: part.bytes) != nil, "a part of a packet cannot be read") }
        }
    }
}
