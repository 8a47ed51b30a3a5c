package import ClientProtocol
internal import PeerConnection
package import Wire

/// The caller's way into the room: bytes of any format and any size → frames of 20 ms → Opus, at the pace of real
/// time. Opus that the client sends passes through. Belongs to one loop.
package final class Uplink {
    /// Sound that gave way.
    package struct Drop: Hashable, Sendable {
        /// So much may wait.
        package var limit: Duration
        /// Nobody in the room could be reached who would have heard it.
        package var isHeld: Bool
    }

    /// Whether the client's sound is thrown away.
    package private(set) var isMuted = false
    package private(set) var longestDelay = 0

    private let limits: Limits
    private let coders: any AudioCoderFactory
    private let sender: UplinkSender
    private let failures: CodingFailures
    private var input: SoundInput
    private var cadence: ClientCadence
    private var waiting = WaitingSounds()
    private var playout: UplinkPlayout
    private var turns = TurnMarks()
    /// Measures the client's Opus packets; made for the first one.
    private var meter: PacketMeter?
    private var isStarted = false

    package init(
        format: AudioFormat, limits: Limits, coders: any AudioCoderFactory,
        failures: CodingFailures = CodingFailures(), now: Instant
    ) throws(AudioCoderFailure) {
        self.limits = limits
        self.coders = coders
        self.failures = failures
        let rate = format.nearestOpusSampleRate
        sender = UplinkSender(
            encoder: FrameEncoder(sampleRate: rate, coders: coders, failures: failures), frameLength: rate / 50)
        cadence = ClientCadence(limits: limits)
        playout = UplinkPlayout(
            sampleRate: rate, limits: limits, sender: sender,
            unpacker: PacketUnpacker(coders: coders, failures: failures), now: now)
        input = try SoundInput(format: format, rate: rate, coders: coders)
    }

    package var detector: SpeechDetector { playout.detector }
    package var samplesSent: Int { playout.samplesSent }
    package var samplesDropped: Int { playout.samplesDropped }
    package var samplesSkipped: Int { playout.samplesSkipped }
    /// Why sound gave way the last time; nil when none has.
    package var lastDrop: Drop? { playout.lastDrop }
    package var packetsSent: Int { sender.packetsSent }
    package var packetsSuppressed: Int { sender.packetsSuppressed }

    /// Where packets go.
    package func connect(to sink: (any UplinkSink)?) { sender.sink = sink }
    package func count(by meter: SoundMeter?) { sender.meter = meter }

    /// What waits to be sent, in milliseconds.
    package var queuedMilliseconds: Int { queuedSamples / 48 }
    private var queuedSamples: Int { playout.samples + waiting.samples }

    /// How much of what came is done with, one way or another.
    package var finishedSamples: Int { playout.finishedSamples }

    // MARK: In

    /// Takes bytes in the session's input format, or one packet when that is Opus. Returns false when they cannot be
    /// sound.
    package func append(_ bytes: RawSpan, now: Instant) -> Bool {
        guard !isMuted, !bytes.isEmpty else { return true }
        if input.format.encoding == .opus { return append(opus: bytes, now: now) }
        beginTurn(isRecorded: false, now: now)
        noteArrival(samples: input.decode(bytes), isRecorded: false, now: now)
        if waiting.isEmpty {
            playout.append(input.samples.span, cadence, now: now)
        } else {
            wait(.samples(input.samples, rate: playout.sampleRate))
        }
        input.releaseSpare()
        pump(now: now)
        return true
    }

    /// Takes one Opus packet, whatever the input format is. One that may not fit a datagram goes on frame by frame.
    /// - Parameter isRecorded: it is a part of a recording.
    package func append(opus bytes: RawSpan, isRecorded: Bool = false, now: Instant) -> Bool {
        guard let description = OpusPacket(bytes) else { return false }
        var parts: [ContainedOpusPacket] = []
        if bytes.byteCount > ContainedOpusPacket.maximumSize {
            let packet = [UInt8](copying: bytes)
            guard let frames = OpusFrames.split(packet, maximumSize: ContainedOpusPacket.maximumSize) else {
                return false
            }
            parts = frames
        }
        guard !isMuted else { return true }
        beginTurn(isRecorded: isRecorded, now: now)
        noteArrival(samples: description.sampleCount, isRecorded: isRecorded, now: now)
        if parts.isEmpty { enqueue([UInt8](copying: bytes), description, isRecorded: isRecorded, now: now) }
        for part in parts {
            guard let description = OpusPacket(part.bytes.span.bytes) else { continue }
            enqueue(part.bytes, description, isRecorded: isRecorded, now: now)
        }
        pump(now: now)
        return true
    }

    private func enqueue(_ packet: [UInt8], _ description: OpusPacket, isRecorded: Bool, now: Instant) {
        if isRecorded || !waiting.isEmpty {
            wait(.packet(packet, samples: description.sampleCount))
        } else {
            play(packet, description, now: now)
        }
    }

    private func play(_ packet: [UInt8], _ description: OpusPacket, now: Instant) {
        let meter = meter ?? PacketMeter(coders: coders, failures: failures)
        self.meter = meter
        // What waits may be shortened by the silence in it, of which no word may be a part.
        let loudness = meter.loudness(
            of: packet.span.bytes, description, isExact: playout.isHeld || playout.samples > 0)
        playout.append(packet: packet, samples: description.sampleCount, loudness: loudness, now: now)
    }

    /// Takes a recorded utterance, which is made samples and converted as it is played.
    package func append(recording file: WAVFile, now: Instant) throws(AudioCoderFailure) {
        guard !isMuted else { return }
        let rate = file.sampleRate
        let converter = rate == playout.sampleRate ? nil : try coders.makeConverter(from: rate, to: playout.sampleRate)
        beginTurn(isRecorded: true, now: now)
        noteArrival(samples: file.sampleFrameCount * 48_000 / max(1, rate), isRecorded: true, now: now)
        wait(.recording(WaitingRecording(file, converter: converter)))
        pump(now: now)
    }

    private func noteArrival(samples: Int, isRecorded: Bool, now: Instant) {
        cadence.note(samples: samples, isRecorded: isRecorded, now: now)
        playout.noteArrival()
    }

    /// Sound of another turn while the one before is still being played: the agent must hear that they are two.
    private func beginTurn(isRecorded: Bool, now: Instant) {
        // Who streams live is a moment behind at most, and stays so.
        guard turns.begin(), queuedSamples > (isRecorded ? 0 : limits.catchUp.samplesAt48kHz) else { return }
        let count = limits.pauseBetweenTurns.samplesAt48kHz / UplinkPacer.frameSamples
        if waiting.isEmpty { playout.appendPause(frames: count, now: now) } else { wait(.pause(frames: count)) }
    }

    /// The caller's turn is over: an unfinished frame is filled up, and silence follows at once.
    package func endTurn(now: Instant) {
        turns.close()
        input.reset()
        if waiting.isEmpty { finishTurn(now: now) } else { wait(.turnEnd) }
        pump(now: now)
    }

    private func finishTurn(now: Instant) {
        playout.finishTurn(now: now)
        noteTurns(1)
    }

    /// Changes what the client sends. What it sent before is still played.
    package func change(format new: AudioFormat, now: Instant) throws(AudioCoderFailure) {
        guard new != input.format else { return }
        // While sound waits it stays at its rate, and the encoder with it.
        let isBusy = playout.hasSamples || !waiting.isEmpty
        let rate = isBusy ? playout.sampleRate : new.nearestOpusSampleRate
        input = try SoundInput(format: new, rate: rate, coders: coders)
        if rate != playout.sampleRate { playout.change(sampleRate: rate) }
    }

    // MARK: Recordings, and what comes behind them

    /// The oldest gives way when too much waits.
    private func wait(_ item: WaitingSounds.Item) {
        waiting.append(item)
        cadence.isBehindRecording = true
        let limit = limits.uplinkQueue.samplesAt48kHz
        guard queuedSamples > limit else { return }
        playout.drop(to: max(0, limit - waiting.samples), beyond: limits.uplinkQueue)
        let dropped = waiting.drop(queuedSamples - limit)
        playout.noteDropped(dropped.samples, beyond: limits.uplinkQueue)
        noteTurns(dropped.turns)
    }

    /// Makes so much of what waits ready that there is always something to play.
    private func refill(now: Instant) {
        while !waiting.isEmpty, playout.samples < WaitingSounds.readyAhead, let part = waiting.next() {
            switch part {
            case .converted: playout.append(waiting.converted.span, cadence, now: now)
            case .packet(let bytes, _):
                if let description = OpusPacket(bytes.span.bytes) { play(bytes, description, now: now) }
            case .pause(let frames): playout.appendPause(frames: frames, now: now)
            case .turnEnd: finishTurn(now: now)
            }
        }
        cadence.isBehindRecording = !waiting.isEmpty
    }

    /// So many turns end with the sound that is ready.
    private func noteTurns(_ count: Int) {
        for _ in 0..<count { turns.end(at: playout.finishedSamples + playout.samples) }
    }

    // MARK: Control

    /// The track can be sent on: from now on there is sound, or silence while sound is kept back.
    package func start(now: Instant) {
        isStarted = true
        pump(now: now)
    }

    /// Keeps sound back while nobody hears it.
    package func hold(now: Instant) { playout.hold(now: now) }

    /// Lets it go.
    package func release(now: Instant) {
        playout.release()
        pump(now: now)
    }

    /// Throws away what waits and what comes, or takes sound again.
    package func setMuted(_ muted: Bool, now: Instant) {
        guard muted != isMuted else { return }
        isMuted = muted
        guard muted else { return }
        noteTurns(waiting.removeAll())
        cadence.isBehindRecording = false
        input.reset()
        playout.stop(now: now)
        turns.cut(at: playout.finishedSamples)
    }

    /// How much the room loses of what we send, in percent: in-band FEC is spent against that and not in advance.
    package func expect(lossPercent: Int) { sender.encoder.expect(lossPercent: lossPercent) }

    /// From the next frame on.
    package func send(over link: OpusProfile.Link) { sender.encoder.send(over: link) }

    // MARK: Out

    /// How many turns of the caller have been played to their end since the last call.
    package func takePlayedTurns(now: Instant) -> Int {
        guard isStarted, !playout.isHeld else { return 0 }
        return turns.take(played: playout.finishedSamples, after: limits.turnCallDelay, now: now)
    }

    /// Sends what is due. To be called on each tick, besides on each arrival of sound.
    package func pump(now: Instant) {
        refill(now: now)
        playout.keepToMaximum(cadence, now: now)
        longestDelay = max(longestDelay, queuedMilliseconds)
        guard isStarted, !isMuted else { return }
        playout.skipSilence(cadence, now: now)
        playout.fallInStepInPause(cadence, now: now)
        let isOpus = input.format.encoding == .opus
        while playout.sendNext(cadence, isOpus: isOpus, now: now) { refill(now: now) }
    }
}
