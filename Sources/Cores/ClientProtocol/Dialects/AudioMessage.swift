internal import Wire

/// Wraps a piece of the agent's sound for clients that get their audio as JSON.
package enum AudioMessage {
    /// `{"type":"audio","data":"<base64>"}` around bytes in the output format.
    package static func json(_ bytes: [UInt8]) -> String {
        // Base64 needs no escaping, so the text is put together without a JSON value.
        var text: [UInt8] = []
        text.reserveCapacity(start.count + Base64.encodedSize(of: bytes.count) + end.count)
        text.append(contentsOf: start)
        Base64.append(bytes, to: &text)
        text.append(contentsOf: end)
        return String(decoding: text, as: UTF8.self)
    }

    /// The same around a complete WAV file; nil for Opus, which WAV does not carry.
    package static func wav(_ bytes: [UInt8], format: AudioFormat) -> String? {
        WAVHeader.bytes(for: format, dataByteCount: bytes.count).map { json($0 + bytes) }
    }

    /// A piece of mono samples in the output format, as a complete WAV file or as it is; nil for Opus.
    package static func piece(_ samples: [Int16], format: AudioFormat, framing: OutputFraming) -> String? {
        guard let frameSize = format.bytesPerSampleFrame else { return nil }
        var bytes: [UInt8] = []
        let dataByteCount = samples.count * frameSize
        bytes.reserveCapacity(dataByteCount + 64)
        if framing == .wav, let header = WAVHeader.bytes(for: format, dataByteCount: dataByteCount) { bytes = header }
        SampleEncoder.append(samples.span, as: format.encoding, channels: format.channels, to: &bytes)
        return json(bytes)
    }

    private static let start = Array(#"{"type":"audio","data":""#.utf8)
    private static let end = Array(#""}"#.utf8)
}
