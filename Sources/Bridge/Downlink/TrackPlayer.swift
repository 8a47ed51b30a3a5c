internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// One subscribed track: decodes its packets in order and knows whether it is to be heard. Belongs to one loop.
final class TrackPlayer {
    let id: String
    let participant: String
    let sampleRate: Int
    private(set) var gate: SilenceGate
    /// Sound that waits for the mix.
    var waiting: SampleRing
    /// Whether enough waits to take part in the mix.
    var isPrimed = false
    var isMuted = false
    /// When its last sound came.
    private(set) var lastArrival: Instant
    private(set) var concealed = 0
    private(set) var recovered = 0
    private(set) var undecodable = 0

    private let decoder: any SpeechDecoder
    private let scratch: UnsafeMutableBufferPointer<Int16>

    init(
        id: String, participant: String, sampleRate: Int, limits: Limits, decoder: any SpeechDecoder, now: Instant
    ) {
        self.id = id
        self.participant = participant
        self.sampleRate = sampleRate
        self.decoder = decoder
        gate = SilenceGate(
            hangover: limits.silenceHangover.samplesAt48kHz * sampleRate / 48_000,
            onset: limits.faintOnset.samplesAt48kHz * sampleRate / 48_000)
        waiting = SampleRing(
            capacity: sampleRate / 50, limit: limits.mixingQueue.samplesAt48kHz * sampleRate / 48_000)
        lastArrival = now
        // 120 ms, the longest packet.
        scratch = .allocate(capacity: sampleRate * 120 / 1000)
        scratch.initialize(repeating: 0)
    }

    deinit { scratch.deallocate() }

    /// Decodes what the jitter buffer released and hands over the samples, if they are to be heard.
    func play(_ output: JitterBufferOutput, now: Instant, _ emit: (Span<Int16>) -> Void) {
        switch output {
        case .packet(let packet, _):
            lastArrival = now
            guard let count = decoder.decode(packet.payload, into: scratch) else {
                undecodable += 1
                return
            }
            pass(count, emit)
        case .lost(let samples, let recovery):
            let count = min(samples * sampleRate / 48_000, scratch.count)
            guard count > 0 else { return }
            if let recovery, let written = decoder.recover(count, before: recovery, into: scratch) {
                recovered += samples
                pass(written, emit)
            } else if let written = decoder.conceal(count, into: scratch) {
                concealed += samples
                pass(written, emit)
            }
        // Real time has already been silent for that long.
        case .silence: gate.notePause()
        }
    }

    func closeGate() { gate.close() }

    private func pass(_ count: Int, _ emit: (Span<Int16>) -> Void) {
        guard count > 0, count <= scratch.count, !isMuted else { return }
        // SAFETY: `count` samples have just been written, and nothing else uses them during the call.
        let samples = unsafe Span(_unsafeElements: UnsafeBufferPointer(rebasing: scratch[..<count]))
        gate.note(rootMeanSquare: SoundLevel.rootMeanSquare(samples), samples: count)
        if gate.isOpen { emit(samples) }
    }
}
