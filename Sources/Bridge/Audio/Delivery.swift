internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// How the client gets the agent's sound.
struct Delivery: Hashable {
    var format: AudioFormat
    var framing: OutputFraming
    var frameMilliseconds: Int

    /// - Parameter hasSentBinary: the client has sent sound in binary messages. On the conversation path it then gets
    ///   such messages, too.
    init(_ parameters: SessionParameters, hasSentBinary: Bool) {
        format = parameters.output
        framing = parameters.outputFraming(hasSentBinary: hasSentBinary)
        frameMilliseconds = parameters.frameMilliseconds
    }

    var cutting: OutputCutting { framing == .wav ? .files : .frames(milliseconds: frameMilliseconds) }
}

extension AudioFormat {
    /// How long these bytes sound.
    func duration(of bytes: UnsafeRawBufferPointer) -> Duration {
        guard let bytesPerFrame = bytesPerSampleFrame, bytesPerFrame > 0, sampleRate > 0 else {
            // SAFETY: the bytes are only read during the call.
            return .microseconds(Int64(unsafe OpusPacket(bytes)?.sampleCount ?? 0) * 1_000_000 / 48_000)
        }
        return .microseconds(Int64(bytes.count / bytesPerFrame) * 1_000_000 / Int64(sampleRate))
    }
}
