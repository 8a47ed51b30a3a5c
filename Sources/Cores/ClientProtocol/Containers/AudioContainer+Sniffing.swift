extension AudioContainer {
    /// What a binary message is beyond doubt, by its first bytes, where it could as well be samples.
    ///
    /// Of messages of random bytes, one in 2^n has all of what is asked for: WAV 64, CAF 64, FLAC 64, AIFF 56, MP3 and AAC
    /// without a tag 50, Ogg 48, MP4 48, WebM 47, MP3 with a tag 46, AMR 40. With 50 messages a second, all of them looked
    /// at, that is one mistake in 700 years, and only the first message of a turn is looked at. Sound is not random, but it is
    /// further away from this: `RI`, `FF`, `WA`, `VE` are the samples 18,770, 17,990, 16,727 and 17,750, and no call begins
    /// at half of full scale; silence is 0x00, 0xFF, 0xD5 or 0x55 throughout, with which no signature goes on.
    static func sniff(_ bytes: Span<UInt8>) -> AudioContainer? {
        var head: [UInt8] = []
        for index in 0..<min(16, bytes.count) { head.append(bytes[index]) }
        guard head.count >= 6 else { return nil }
        let afterFour = head.dropFirst(4)
        if head.starts(with: "RIFF".utf8), head.dropFirst(8).starts(with: "WAVE".utf8) { return .wav }
        // A first page: version 0, and of the three flags that there are the second is set.
        if head.starts(with: "OggS".utf8), head[4] == 0, head[5] & 0xFA == 2 { return .ogg }
        if EBML.startsWithHeader(head) { return .webM }
        if head[0] == 0, head[1] == 0, afterFour.starts(with: "ftyp".utf8) { return .mp4 }
        // The version, no revision, four flags, and a size of four times seven bits.
        if head.starts(with: "ID3".utf8), (2...4).contains(head[3]), head[4] == 0, head[5] & 0x0F == 0,
            head.count >= 10,
            head[6...9].allSatisfy({ $0 < 0x80 })
        {
            return .mp3
        }
        // The block that comes first has 34 bytes.
        if head.starts(with: "fLaC".utf8), head[4] & 0x7F == 0, head.dropFirst(5).starts(with: [0, 0, 34]) {
            return .flac
        }
        if head.starts(with: "FORM".utf8), head.dropFirst(8).starts(with: "AIF".utf8) { return .aiff }
        if head.starts(with: "caff".utf8), afterFour.starts(with: [0, 1, 0, 0]) { return .caf }
        if head.starts(with: "#!AMR".utf8) { return .amr }
        return MPEGFrames.container(startingWith: bytes)
    }
}
