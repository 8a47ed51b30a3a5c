internal import Wire

/// Wraps a piece of the agent's sound for clients that get their audio as JSON.
package enum AudioMessage {
    /// `{"type":"audio","data":"<base64>"}` around bytes in the output format.
    package static func json(_ bytes: [UInt8]) -> String {
        // Base64 needs no escaping, so the text is put together without a JSON value.
        "{\"type\":\"audio\",\"data\":\"\(Base64.encode(bytes))\"}"
    }

    /// The same around a complete WAV file; nil for Opus, which WAV does not carry.
    package static func wav(_ bytes: [UInt8], format: AudioFormat) -> String? {
        WAVHeader.bytes(for: format, dataByteCount: bytes.count).map { json($0 + bytes) }
    }
}
