/// Where the caller's packets go.
package protocol UplinkSink: AnyObject {
    /// Sends one Opus packet on the microphone track. Packets before the track is published are lost.
    /// - Parameters:
    ///   - timestamp: in samples at 48 kHz since the session began; pauses count.
    ///   - samples: the packet's length in samples at 48 kHz.
    ///   - isStart: the first packet after a pause.
    ///   - level: loudness in -dBov (RFC 6464), if it is known.
    func sendAudio(
        _ packet: RawSpan, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?)
}
