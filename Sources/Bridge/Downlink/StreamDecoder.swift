internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// One subscribed track: decodes its packets in order and knows whether it is to be heard. Belongs to one loop.
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
    /// Room for 120 ms, the longest packet, while there is a decoder.
    private var scratch: [Int16] = []

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
        makeScratch()
    }

    private func makeScratch() { scratch = [Int16](repeating: 0, count: sampleRate * 120 / 1000) }

    /// Nothing has come for long: gives back the decoder until something comes again. What is lost is a memory of sound
    /// that has faded anyway.
    func releaseDecoder() {
        guard decoder != nil else { return }
        decoder = nil
        scratch = []
    }

    private func readyDecoder() -> (any SpeechDecoder)? {
        if let decoder { return decoder }
        do throws(AudioCoderFailure) {
            decoder = try coders.makeDecoder(sampleRate: sampleRate)
            makeScratch()
        } catch {
            failures.note(.decoder)
        }
        return decoder
    }

    /// Decodes what the jitter buffer released and hands over the samples, if they are to be heard.
    func play(_ output: JitterBufferOutput, now: Instant, _ emit: (Span<Int16>) -> Void) {
        switch output {
        case .packet(let packet, _):
            lastArrival = now
            guard let decoder = readyDecoder() else {
                undecodable += 1
                return
            }
            var room = scratch.mutableSpan
            guard let count = decoder.decode(packet.payload, into: &room) else {
                undecodable += 1
                return failures.note(.packet)
            }
            pass(count, now: now, emit)
        case .lost(let samples, let recovery):
            let count = min(samples * sampleRate / 48_000, scratch.count)
            guard count > 0, let decoder else { return }
            var written: Int?
            if let recovery {
                var room = scratch.mutableSpan
                written = decoder.recover(count, before: recovery, into: &room)
            }
            if let written {
                recovered += samples
                pass(written, now: now, emit)
            } else {
                var room = scratch.mutableSpan
                guard let made = decoder.conceal(count, into: &room) else { return }
                concealed += samples
                pass(made, now: now, emit)
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
        guard count > 0, count <= scratch.count, !isMuted else { return }
        // A reference of its own keeps the samples in place while the sound goes on from here.
        let decoded = scratch
        let samples = decoded.span.extracting(first: count)
        noteLevel(SoundLevel.rootMeanSquare(samples), samples: count, now: now)
        if gate.isOpen { emit(samples) }
    }
}
