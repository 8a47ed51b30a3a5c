/// Where something stands in a distributed trace: the `traceparent` of W3C's Trace Context, level 1 (chapter “Traceparent Header”).
package struct TraceContext: Hashable, Sendable {
    /// 16 bytes, not all of them zero.
    package let traceID: [UInt8]
    /// The span that asks: 8 bytes, not all of them zero.
    package let spanID: [UInt8]
    /// Whoever asks has written its part down.
    package let isSampled: Bool

    private init(traceID: [UInt8], spanID: [UInt8], isSampled: Bool) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// A trace that begins here.
    package init(using random: inout some RandomNumberGenerator) {
        self.init(
            traceID: Self.identifier(16, using: &random), spanID: Self.identifier(8, using: &random), isSampled: true)
    }

    /// Another span of the same trace.
    package func child(using random: inout some RandomNumberGenerator) -> TraceContext {
        TraceContext(traceID: traceID, spanID: Self.identifier(8, using: &random), isSampled: isSampled)
    }

    /// Reads a `traceparent`: version, trace, span and flags in small hexadecimal digits with dashes between them. Nil for
    /// what is none; then a new trace begins, as the standard has it. Of versions that come the first four parts are read.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "-", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count >= 4, let version = Self.bytes(parts[0], 1), version != [0xFF],
            version != [0] || parts.count == 4, let traceID = Self.bytes(parts[1], 16),
            let spanID = Self.bytes(parts[2], 8), let flags = Self.bytes(parts[3], 1),
            traceID.contains(where: { $0 != 0 }), spanID.contains(where: { $0 != 0 })
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, isSampled: flags[0] & 1 == 1)
    }

    /// As a `traceparent`.
    package var text: String { "00-\(traceText)-\(Hexadecimal.text(spanID))-0\(isSampled ? 1 : 0)" }

    /// The trace as logs have it: 32 digits.
    package var traceText: String { Hexadecimal.text(traceID) }
    /// The span: 16 digits.
    package var spanText: String { Hexadecimal.text(spanID) }

    private static func identifier(_ count: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        while true {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            if bytes.contains(where: { $0 != 0 }) { return bytes }
        }
    }

    private static func bytes(_ text: some StringProtocol, _ count: Int) -> [UInt8]? {
        guard text.utf8.count == 2 * count else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
