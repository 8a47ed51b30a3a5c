/// One payload type of a media section: `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` together.
package struct RTPCodec: Hashable, Sendable {
    /// 0 to 127.
    package var payloadType: UInt8
    /// The encoding name as written, for example `opus`. Empty when a static payload type came without `a=rtpmap`.
    package var name: String
    /// In Hz.
    package var clockRate: UInt32
    package var channels: UInt8
    /// The text behind `a=fmtp:<payload type> `; empty when there is none.
    package var formatParameters: String
    /// The texts behind `a=rtcp-fb:<payload type> `, such as `nack` or `nack pli`.
    package var feedback: [String]

    package init(
        payloadType: UInt8, name: String, clockRate: UInt32, channels: UInt8 = 1, formatParameters: String = "",
        feedback: [String] = []
    ) {
        self.payloadType = payloadType
        self.name = name
        self.clockRate = clockRate
        self.channels = channels
        self.formatParameters = formatParameters
        self.feedback = feedback
    }

    /// Whether this is `opus/48000/2` (RFC 7587), the only audio codec we speak.
    package var isOpus: Bool { name.lowercased() == "opus" && clockRate == 48_000 && channels == 2 }
    /// Whether this is redundant audio at Opus's clock rate (RFC 2198).
    package var isAudioRED: Bool { name.lowercased() == "red" && clockRate == 48_000 }
    /// Whether the generic negative acknowledgement of RFC 4585 was agreed upon.
    package var hasNACK: Bool { feedback.contains("nack") }

    /// The value of one `key=value` pair of the format parameters.
    package func parameter(_ key: String) -> String? {
        var rest = ArraySlice(formatParameters.utf8)
        while let pair = rest.popField(UInt8(ascii: ";")) {
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                pair[..<equals].trimmingSpaces().elementsEqual(key.utf8)
            else { continue }
            return pair[(equals + 1)...].trimmingSpaces().text
        }
        return nil
    }
}
