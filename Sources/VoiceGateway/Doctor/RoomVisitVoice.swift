internal import ClientProtocol
internal import EventLoops
internal import LiveKitParticipant
internal import Wire

/// What is said during a visit: silence, as a microphone in a quiet room sends it, and a recording when it is time.
///
/// Belongs to the loop's thread.
final class RoomVisitVoice {
    private static let frame: Duration = .milliseconds(CallSpeech.frameMilliseconds)
    private static let samplesOfFrame: UInt32 = 48 * UInt32(CallSpeech.frameMilliseconds)

    private let track: PublishedTrack
    private var speech: CallSpeech
    private var timer: LoopTimer?
    private var timestamp: UInt32 = 0
    /// The next frame of the recording, while it is spoken.
    private var next: Int?

    /// - Parameter speech: in Opus at 48 kHz.
    init(loop: EventLoop, track: PublishedTrack, speech: CallSpeech) {
        self.track = track
        self.speech = speech
        timer = LoopTimer(loop: loop) { [unowned self] in tick() }
    }

    func start() { timer?.arm(after: Self.frame) }

    func speak() { if !speech.frames.isEmpty { next = 0 } }

    func stop() { timer?.cancel() }

    private func tick() {
        timer?.advance(by: Self.frame)
        let index = next
        next = next.flatMap { $0 + 1 < speech.frames.count ? $0 + 1 : nil }
        let packet = speech.message(frame: index)
        if !packet.isEmpty { track.send(packet.span.bytes, timestamp: timestamp, level: nil) }
        timestamp &+= Self.samplesOfFrame
    }
}
