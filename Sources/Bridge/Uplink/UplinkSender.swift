internal import ClientProtocol
internal import Wire

/// Gives the room the caller's sound, and silence in its place, as Opus packets, and counts them. Belongs to one loop.
final class UplinkSender {
    /// 20 ms of silence as an Opus packet, for callers who send Opus themselves.
    static let silentPacket: [UInt8] = [0xF8, 0xFF, 0xFE]

    private(set) var packetsSent = 0
    private(set) var packetsSuppressed = 0
    /// Nil while there is no room: what is sent meanwhile is lost.
    weak var sink: (any UplinkSink)?
    var meter: SoundMeter?
    let encoder: FrameEncoder
    /// The caller's own Opus packets were the first sound.
    private var hasSentPackets = false
    private var packet = [UInt8](repeating: 0, count: FrameEncoder.maximumLength)
    private var silentFrame: [Int16]

    /// - Parameter frameLength: samples of 20 ms at the encoder's rate.
    init(encoder: FrameEncoder, frameLength: Int) {
        self.encoder = encoder
        silentFrame = [Int16](repeating: 0, count: frameLength)
    }

    /// Frames come at another rate from here on.
    func change(sampleRate: Int, frameLength: Int) {
        encoder.change(sampleRate: sampleRate)
        silentFrame = [Int16](repeating: 0, count: frameLength)
    }

    /// Sends a frame.
    /// - Parameters:
    ///   - loudness: root mean square, of 32768.
    ///   - arrival: when it was complete; nil for silence of ours.
    func send(_ samples: [Int16], loudness: Int, timestamp: UInt32, isStart: Bool, arrival: Instant?) {
        var room = packet.mutableSpan
        switch encoder.encode(samples.span, isStart: isStart, into: &room) {
        case .suppressed:
            packetsSuppressed += 1
            meter?.suppressed()
        case .failed: break
        case .packet(let length, let resumes):
            packetsSent += 1
            // Held for as long as it is lent.
            let packet = packet
            sink?.sendAudio(
                packet.span.bytes.extracting(first: length), timestamp: timestamp,
                samples: UplinkPacer.frameSamples, isStart: isStart || resumes,
                level: SoundLevel.audioLevel(rootMeanSquare: loudness))
            meter?.sent(arrival: arrival)
        }
    }

    /// Passes on a packet of the client.
    func send(_ next: UplinkBacklog.Packet, timestamp: UInt32, isStart: Bool) {
        let level = next.loudness.map { SoundLevel.audioLevel(rootMeanSquare: $0) }
        packetsSent += 1
        hasSentPackets = true
        sink?.sendAudio(
            next.bytes.span.bytes, timestamp: timestamp, samples: next.samples, isStart: isStart, level: level)
        meter?.sent(arrival: next.arrival)
    }

    /// Sends 20 ms of silence.
    /// - Parameter isOpus: the caller sends Opus, so that there need not be an encoder.
    func sendSilence(timestamp: UInt32, isStart: Bool, isOpus: Bool) {
        guard !encoder.isReady, isOpus || hasSentPackets else {
            return send(silentFrame, loudness: 0, timestamp: timestamp, isStart: isStart, arrival: nil)
        }
        packetsSent += 1
        let packet = Self.silentPacket
        sink?.sendAudio(
            packet.span.bytes, timestamp: timestamp, samples: UplinkPacer.frameSamples, isStart: isStart, level: 127)
        meter?.sent(arrival: nil)
    }
}
