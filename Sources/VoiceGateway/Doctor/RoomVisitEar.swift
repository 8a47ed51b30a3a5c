internal import AudioCodec
internal import ClientProtocol
internal import EventLoops
internal import LiveKitParticipant
internal import PeerConnection
internal import Wire

/// Hears whether an agent says something: carries out what `ReplyWatch` decides.
///
/// Belongs to the loop's thread.
final class RoomVisitEar: TrackSink {
    private static let sampleRate = 16_000

    /// The identity of the first agent that came.
    private(set) var agent: String?
    private let loop: EventLoop
    private let patience: Duration
    private let tell: (ReplyWatch.Output) -> Void
    private let decoder: OpusDecoder?
    private var pcm: [Int16]
    private var watch: ReplyWatch?
    private var timer: LoopTimer?

    init(loop: EventLoop, patience: Duration, tell: @escaping (ReplyWatch.Output) -> Void) {
        self.loop = loop
        self.patience = patience
        self.tell = tell
        decoder = try? OpusDecoder(sampleRate: Self.sampleRate, channels: 1)
        pcm = [Int16](repeating: 0, count: Self.sampleRate * OpusDecoder.maximumPacketDuration / 1000)
        timer = LoopTimer(loop: loop) { [unowned self] in change { $0.handleTimeout(now: $1) } }
    }

    func arrived(_ agent: String) {
        self.agent = agent
        watch = ReplyWatch(patience: patience, now: loop.now)
        change { _, _ in }
    }

    func stateChanged(_ state: String?) {
        guard let state = state.flatMap({ AgentState(rawValue: $0) }) else { return }
        change { $0.stateChanged(isReady: state == .listening || state == .idle, now: $1) }
    }

    func left() { change { watch, _ in watch.agentLeft() } }

    func couldNotAsk(_ reason: String) { change { watch, _ in watch.couldNotAsk(reason) } }

    /// The agent has written something.
    func read() { change { $0.read(now: $1) } }

    func listen(to track: SubscribedTrack) { track.play(into: self) }

    func receive(_ sound: JitterBufferOutput) {
        guard case .packet(let packet, _) = sound, let decoder else { return }
        var room = pcm.mutableSpan
        guard let count = try? decoder.decode(packet.payload, into: &room), count > 0 else { return }
        guard SoundLevel.rootMeanSquare(pcm.span.extracting(0..<count)) > CallSession.soundLevel else { return }
        change { $0.hear(now: $1) }
    }

    func stop() {
        timer?.cancel()
        watch = nil
    }

    private func change(_ body: (inout ReplyWatch, Instant) -> Void) {
        guard var watch else { return }
        body(&watch, loop.now)
        self.watch = watch
        // What is told may change the watch again.
        while let output = self.watch?.poll() { tell(output) }
        timer?.follow(self.watch?.nextDeadline)
    }
}
