internal import ClientProtocol
internal import PeerConnection
internal import Wire

extension AudioFormat {
    /// How long these bytes sound.
    func duration(of bytes: RawSpan) -> Duration {
        guard let bytesPerFrame = bytesPerSampleFrame, bytesPerFrame > 0, sampleRate > 0 else {
            return .microseconds(Int64(OpusPacket(bytes)?.sampleCount ?? 0) * 1_000_000 / 48_000)
        }
        return .microseconds(Int64(bytes.byteCount / bytesPerFrame) * 1_000_000 / Int64(sampleRate))
    }
}
