internal import ClientProtocol
internal import PeerConnection
internal import Wire

extension AudioFormat {
    /// How long these bytes sound.
    func duration(of bytes: UnsafeRawBufferPointer) -> Duration {
        guard let bytesPerFrame = bytesPerSampleFrame, bytesPerFrame > 0, sampleRate > 0 else {
            // SAFETY: the bytes are only read during the call.
            return .microseconds(Int64(unsafe OpusPacket(bytes.bytes)?.sampleCount ?? 0) * 1_000_000 / 48_000)
        }
        return .microseconds(Int64(bytes.count / bytesPerFrame) * 1_000_000 / Int64(sampleRate))
    }
}
