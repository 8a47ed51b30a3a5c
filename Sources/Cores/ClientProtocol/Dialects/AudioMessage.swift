internal import Wire

/// Wraps a piece of the agent's sound for clients that get their audio as JSON.
package enum AudioMessage {
    /// Appends `{"type":"audio","data":"<base64>"}` around bytes in the delivery's format; around a complete WAV file
    /// where sound is cut into files. Nothing for files of Opus, which WAV does not carry.
    package static func append(_ sound: Span<UInt8>, as delivery: SoundDelivery, to message: inout [UInt8]) {
        guard case .files = delivery.cutting else { return appendJSON(sound, to: &message) }
        guard var file = WAVHeader.bytes(for: delivery.format, dataByteCount: sound.count) else { return }
        file.reserveCapacity(file.count + sound.count)
        // SAFETY: the bytes are only read during the call.
        unsafe sound.withUnsafeBufferPointer { unsafe file.append(contentsOf: $0) }
        appendJSON(file.span, to: &message)
    }

    private static func appendJSON(_ bytes: Span<UInt8>, to message: inout [UInt8]) {
        // Base64 needs no escaping, so the text is put together without a JSON value.
        message.reserveCapacity(message.count + start.count + Base64.encodedSize(of: bytes.count) + end.count)
        message.append(contentsOf: start)
        Base64.append(bytes, to: &message)
        message.append(contentsOf: end)
    }

    private static let start = Array(#"{"type":"audio","data":""#.utf8)
    private static let end = Array(#""}"#.utf8)
}
