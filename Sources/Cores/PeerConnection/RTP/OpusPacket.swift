internal import Wire

/// What an Opus packet's first bytes tell without decoding it (RFC 6716 section 3).
package struct OpusPacket: Hashable, Sendable {
    /// Which of Opus's coders made the packet.
    package enum Mode: Hashable, Sendable { case silk, hybrid, celt }

    package let mode: Mode
    package let isStereo: Bool
    /// Frames in the packet: 1 to 48.
    package let frameCount: Int
    /// Length of one frame in samples at 48 kHz: 120 to 2880.
    package let samplesPerFrame: Int
    /// Whether the packet carries a coarse copy of the packet before it (in-band FEC).
    package let hasRedundancy: Bool
    /// What the encoder's voice-activity detector says of the first frame; nil for CELT, which has none.
    package let hasVoice: Bool?
    /// Whether the packet holds no sound: the sender was silent (DTX).
    package let isDiscontinuous: Bool

    /// The longest packet in samples at 48 kHz (120 ms).
    package static let maximumSamples = 5760

    /// Length of the packet in samples at 48 kHz.
    package var sampleCount: Int { frameCount * samplesPerFrame }

    /// Nil when the bytes cannot be an Opus packet: empty, or more than 120 ms long.
    package init?(_ payload: RawSpan) {
        guard !payload.isEmpty else { return nil }
        let toc = payload[0]
        let configuration = Int(toc >> 3)
        isStereo = toc & 0x04 != 0
        switch configuration {
        case 0..<12:
            mode = .silk
            samplesPerFrame = configuration & 3 == 3 ? 2880 : 480 << (configuration & 3)
        case 12..<16:
            mode = .hybrid
            samplesPerFrame = configuration & 1 == 0 ? 480 : 960
        default:
            mode = .celt
            samplesPerFrame = 120 << (configuration & 3)
        }
        // Where the first frame's data starts; only needed to look at its SILK header.
        let firstFrame: Int
        switch toc & 3 {
        case 0:
            frameCount = 1
            firstFrame = 1
        case 1:
            frameCount = 2
            firstFrame = 1
        case 2:
            frameCount = 2
            guard payload.byteCount > 1 else { return nil }
            firstFrame = payload[1] >= 252 ? 3 : 2
        default:
            guard payload.byteCount > 1 else { return nil }
            let count = Int(payload[1] & 0x3F)
            guard count > 0 else { return nil }
            frameCount = count
            firstFrame = Self.firstFrame(ofArbitrary: payload, frames: count)
        }
        guard frameCount * samplesPerFrame <= Self.maximumSamples else { return nil }
        isDiscontinuous = payload.byteCount - firstFrame <= 1
        guard mode != .celt, firstFrame < payload.byteCount else {
            hasRedundancy = false
            hasVoice = mode == .celt ? nil : false
            return
        }
        let flags = SILKFlags(payload[firstFrame], milliseconds20: max(1, samplesPerFrame / 960), isStereo: isStereo)
        hasRedundancy = flags.hasRedundancy
        hasVoice = flags.hasVoice
    }

    /// Passes over the padding and length bytes of a code 3 packet (RFC 6716 section 3.2.5). May point behind the
    /// end when the packet is cut short.
    private static func firstFrame(ofArbitrary payload: RawSpan, frames: Int) -> Int {
        var offset = 2
        if payload[1] & 0x40 != 0 {
            while offset < payload.byteCount {
                let padding = payload[offset]
                offset += 1
                if padding != 255 { break }
            }
        }
        if payload[1] & 0x80 != 0 {
            for _ in 0..<frames - 1 where offset < payload.byteCount { offset += payload[offset] >= 252 ? 2 : 1 }
        }
        return offset
    }

    /// What a SILK frame starts with: one voice-activity bit for each 20 ms and then the bit that announces redundancy;
    /// for stereo both channels have such a group (RFC 6716 section 4.2.3).
    private struct SILKFlags {
        var hasVoice: Bool
        var hasRedundancy: Bool

        init(_ byte: UInt8, milliseconds20 frames: Int, isStereo: Bool) {
            let group = UInt8(frames) + 1
            let mid = byte >> (8 - group)
            let side = isStereo ? byte >> (8 - 2 * group) & ((1 << group) - 1) : 0
            hasVoice = mid >> 1 != 0 || side >> 1 != 0
            hasRedundancy = (mid | side) & 1 != 0
        }
    }
}
