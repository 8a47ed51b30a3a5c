internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// One subscribed track: decodes its packets in order and knows whether it is to be heard. Belongs to one loop.
// SAFETY: the scratch buffer is the decoder's own: it is replaced and freed here alone, and only spans of it leave.
@safe
final class StreamDecoder {
    let id: String
    let participant: String
    let sampleRate: Int
    var role: SoundRole
    private(set) var gate: SilenceGate
    private(set) var speech = SpeechGate()
    /// Sound that waits for the mix.
    var waiting: SampleRing
    /// Whether enough waits to take part in the mix.
    var isPrimed = false
    var isMuted = false
    /// When its last packet came, and the last one with sound.
    private(set) var lastArrival: Instant
    private(set) var lastSound: Instant
    private(set) var concealed = 0
    private(set) var recovered = 0
    private(set) var undecodable = 0

    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    /// Nil while nothing comes for long.
    private var decoder: (any SpeechDecoder)?
    private var scratch: UnsafeMutableBufferPointer<Int16>

    init(
        id: String, participant: String, role: SoundRole, sampleRate: Int, limits: Limits,
        coders: any AudioCoderFactory,
        failures: CodingFailures, now: Instant
    ) throws(AudioCoderFailure) {
        self.id = id
        self.participant = participant
        self.role = role
        self.sampleRate = sampleRate
        self.coders = coders
        self.failures = failures
        decoder = try coders.makeDecoder(sampleRate: sampleRate)
        gate = SilenceGate(
            hangover: limits.silenceHangover.samplesAt48kHz * sampleRate / 48_000,
            onset: limits.faintOnset.samplesAt48kHz * sampleRate / 48_000)
        waiting = SampleRing(
            capacity: sampleRate / 50, limit: limits.mixingQueue.samplesAt48kHz * sampleRate / 48_000)
        lastArrival = now
        lastSound = now
        // SAFETY: the buffer has one owner, which frees it before it takes another.
        unsafe scratch = unsafe Self.makeScratch(sampleRate: sampleRate)
    }

    /// Room for 120 ms, the longest packet.
    private static func makeScratch(sampleRate: Int) -> UnsafeMutableBufferPointer<Int16> {
        let scratch = UnsafeMutableBufferPointer<Int16>.allocate(capacity: sampleRate * 120 / 1000)
        // SAFETY: the buffer has one owner, which frees it before it takes another.
        unsafe scratch.initialize(repeating: 0)
        return unsafe scratch
    }

    /// Nothing has come for long: gives back the decoder until something comes again. What is lost is a memory of sound
    /// that has faded anyway.
    func releaseDecoder() {
        guard decoder != nil else { return }
        decoder = nil
        // SAFETY: the buffer was allocated here, and nothing uses it any more.
        unsafe scratch.deallocate()
        unsafe scratch = unsafe UnsafeMutableBufferPointer(start: nil, count: 0)
    }

    private func readyDecoder() -> (any SpeechDecoder)? {
        if let decoder { return decoder }
        do throws(AudioCoderFailure) {
            decoder = try coders.makeDecoder(sampleRate: sampleRate)
            // SAFETY: the buffer has one owner, which frees it before it takes another.
            unsafe scratch = unsafe Self.makeScratch(sampleRate: sampleRate)
        } catch {
            failures.note(.decoder)
        }
        return decoder
    }

    // SAFETY: the buffer was allocated here, and nothing uses it any more.
    deinit { unsafe scratch.deallocate() }

    /// Decodes what the jitter buffer released and hands over the samples, if they are to be heard.
    func play(_ output: JitterBufferOutput, now: Instant, _ emit: (Span<Int16>) -> Void) {
        switch output {
        case .packet(let packet, _):
            lastArrival = now
            guard let decoder = readyDecoder() else {
                undecodable += 1
                return
            }
            // SAFETY: at most the buffer's length is written, and the bytes are only read during the call.
            let count = unsafe packet.payload.withUnsafeBytes { unsafe decoder.decode($0, into: scratch) }
            guard let count else {
                undecodable += 1
                return failures.note(.packet)
            }
            pass(count, now: now, emit)
        case .lost(let samples, let recovery):
            // SAFETY: only the length is read.
            let count = unsafe min(samples * sampleRate / 48_000, scratch.count)
            guard count > 0, let decoder else { return }
            if let recovery,
                let written = unsafe recovery.withUnsafeBytes({
                    unsafe decoder.recover(count, before: $0, into: scratch)
                })
            {
                recovered += samples
                pass(written, now: now, emit)
                // SAFETY: at most the buffer's length is written, and the bytes are only read during the call.
            } else if let written = unsafe decoder.conceal(count, into: scratch) {
                concealed += samples
                pass(written, now: now, emit)
            }
        // Real time has already been silent for that long.
        case .silence(let samples): notePause(samples: samples)
        }
    }

    func closeGate() { gate.close() }

    /// Takes note of a packet that is not decoded here.
    /// - Parameter samples: at 48 kHz.
    func note(rootMeanSquare: Int, samples: Int, now: Instant) {
        lastArrival = now
        noteLevel(rootMeanSquare, samples: samples * sampleRate / 48_000, now: now)
    }

    /// Takes note of a pause in which nothing was sent.
    /// - Parameter samples: at 48 kHz.
    func notePause(samples: Int) {
        gate.notePause()
        speech.notePause(milliseconds: samples / 48)
    }

    private func noteLevel(_ rootMeanSquare: Int, samples: Int, now: Instant) {
        if gate.note(rootMeanSquare: rootMeanSquare, samples: samples) { lastSound = now }
        speech.note(rootMeanSquare: rootMeanSquare, milliseconds: samples * 1000 / sampleRate, now: now)
    }

    private func pass(_ count: Int, now: Instant, _ emit: (Span<Int16>) -> Void) {
        // SAFETY: only the length is read.
        guard count > 0, unsafe count <= scratch.count, !isMuted else { return }
        // SAFETY: `count` samples have just been written, and nothing else uses them during the call.
        let samples = unsafe Span(_unsafeElements: UnsafeBufferPointer(rebasing: scratch[..<count]))
        noteLevel(SoundLevel.rootMeanSquare(samples), samples: count, now: now)
        if gate.isOpen { emit(samples) }
    }
}
