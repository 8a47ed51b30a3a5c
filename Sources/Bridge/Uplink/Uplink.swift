package import ClientProtocol
internal import PeerConnection
package import Wire

/// The caller's way into the room: bytes of any format and any size → frames of 20 ms → Opus, at the pace of real
/// time. Opus that the client sends passes through. Belongs to one loop.
package final class Uplink {
    /// How often pauses that wait are looked for, at most.
    private static let pauseInterval = Duration.seconds(1)

    /// Whether the client's sound is thrown away.
    package private(set) var isMuted = false
    package private(set) var detector = SpeechDetector()
    package private(set) var samplesSent = 0
    package private(set) var samplesDropped = 0
    package private(set) var samplesSkipped = 0
    package private(set) var longestDelay = 0
    /// Why sound gave way the last time; nil when none has.
    package private(set) var lastDrop: Drop?

    private let limits: Limits
    /// The limits that count for each packet, in nanoseconds and in samples at 48 kHz.
    private let liveness: Int64
    private let keptSilence: Int
    private let toleratedDelay: Int
    private let keptBeginning: Int
    private let maximumBacklog: Int
    private let idleCoderLife: Int64
    private let coders: any AudioCoderFactory
    private var input: SoundInput
    private let sender: UplinkSender
    private let unpacker: PacketUnpacker
    private let failures: CodingFailures
    private var backlog: UplinkBacklog
    private var pacer: UplinkPacer
    private var turns = TurnMarks()
    private var lastMessage = LastMessage()
    private var pace: ArrivalPace
    /// When pauses that wait may be looked for again.
    private var nextPauseSearch = Instant.zero
    /// Since the caller's last word, sound has fallen in step with the client.
    private var isInStep = false
    /// Measures the client's Opus packets; made for the first one.
    private var meter: PacketMeter?
    private var isStarted = false
    private var frame: [Int16] = []

    package init(
        format: AudioFormat, limits: Limits, coders: any AudioCoderFactory,
        failures: CodingFailures = CodingFailures(), now: Instant
    ) throws(AudioCoderFailure) {
        self.limits = limits
        liveness = limits.liveness.nanoseconds
        keptSilence = limits.keptSilence.samplesAt48kHz
        toleratedDelay = limits.toleratedDelay.samplesAt48kHz
        keptBeginning = limits.keptBeginning.samplesAt48kHz
        maximumBacklog = limits.maximumBacklog.samplesAt48kHz
        idleCoderLife = limits.idleCoderLife.nanoseconds
        self.coders = coders
        self.failures = failures
        let rate = format.nearestOpusSampleRate
        backlog = UplinkBacklog(sampleRate: rate, limit: limits.uplinkQueue)
        sender = UplinkSender(
            encoder: FrameEncoder(sampleRate: rate, coders: coders, failures: failures),
            frameLength: backlog.frameLength)
        unpacker = PacketUnpacker(coders: coders, failures: failures)
        pace = ArrivalPace(liveness: limits.liveness)
        pacer = UplinkPacer(limits: limits, now: now)
        input = try SoundInput(format: format, rate: rate, coders: coders)
    }

    /// Sound that gave way.
    package struct Drop: Hashable, Sendable {
        /// So much may wait.
        package var limit: Duration
        /// Nobody in the room could be reached who would have heard it.
        package var isHeld: Bool
    }

    package var packetsSent: Int { sender.packetsSent }
    package var packetsSuppressed: Int { sender.packetsSuppressed }

    /// Where packets go.
    package func connect(to sink: (any UplinkSink)?) { sender.sink = sink }
    package func count(by meter: SoundMeter?) { sender.meter = meter }

    /// What waits to be sent, in milliseconds.
    package var queuedMilliseconds: Int { backlog.samples / 48 }

    /// How much of what came is done with, one way or another.
    private var finishedSamples: Int { samplesSent + samplesDropped + samplesSkipped }

    // MARK: In

    /// Takes bytes in the session's input format, or one packet when that is Opus. Returns false when they cannot be
    /// sound.
    package func append(_ bytes: RawSpan, now: Instant) -> Bool {
        guard !isMuted, !bytes.isEmpty else { return true }
        if input.format.encoding == .opus { return append(opus: bytes, now: now) }
        beginTurn(isRecorded: false, now: now)
        noteArrival(samples: input.decode(bytes), now: now)
        append(input.samples.span, now: now)
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
        if parts.isEmpty { enqueue(bytes, description, now: now) }
        for part in parts {
            let bytes = part.bytes.span.bytes
            if let description = OpusPacket(bytes) { enqueue(bytes, description, now: now) }
        }
        pump(now: now)
        return true
    }

    private func enqueue(_ bytes: RawSpan, _ description: OpusPacket, now: Instant) {
        let meter = meter ?? PacketMeter(coders: coders, failures: failures)
        self.meter = meter
        // What waits may be shortened by the silence in it, of which no word may be a part.
        let loudness = meter.loudness(of: bytes, description, isExact: pacer.isHeld || backlog.samples > 0)
        noteDropped(
            backlog.append(
                packet: [UInt8](copying: bytes), samples: description.sampleCount, loudness: loudness, now: now),
            beyond: limits.uplinkQueue)
    }

    /// Takes a recorded utterance, which is made samples and converted as it is played.
    package func append(recording file: WAVFile, now: Instant) throws(AudioCoderFailure) {
        guard !isMuted else { return }
        let rate = file.sampleRate
        let converter = rate == backlog.sampleRate ? nil : try coders.makeConverter(from: rate, to: backlog.sampleRate)
        beginTurn(isRecorded: true, now: now)
        noteArrival(samples: file.sampleFrameCount * 48_000 / max(1, rate), now: now)
        pace.noteRecording()
        if backlog.isUnpacking { unpack(isAll: true, surplus: surplus(now: now)) }
        backlog.append(WaitingRecording(file, converter: converter))
        pump(now: now)
    }

    /// Converts what is next of a recording that waits, or all of it.
    private func convertRecording(isWhole: Bool = false, now: Instant) {
        guard backlog.hasRecording else { return }
        let (dropped, endsTurn) = backlog.convertRecording(isWhole: isWhole, now: now)
        noteDropped(dropped, beyond: limits.uplinkQueue)
        if endsTurn { finishTurn(now: now) }
    }

    /// Appends samples at the rate of Opus.
    private func append(_ samples: Span<Int16>, now: Instant) {
        if backlog.isUnpacking { unpack(isAll: true, surplus: surplus(now: now)) }
        noteDropped(backlog.append(samples, now: now), beyond: limits.uplinkQueue)
    }

    private func noteArrival(samples: Int, isRecorded: Bool = false, now: Instant) {
        lastMessage.note(samples: samples, isRecorded: isRecorded, now: now)
        if isRecorded { pace.noteRecording() } else { pace.note(samples: samples, now: now) }
        pacer.noteArrival()
    }

    /// Sound of another turn while the one before is still being played: the agent must hear that they are two.
    private func beginTurn(isRecorded: Bool, now: Instant) {
        convertRecording(isWhole: true, now: now)
        // Who streams live is a moment behind at most, and stays so.
        guard turns.begin(), backlog.samples > (isRecorded ? 0 : limits.catchUp.samplesAt48kHz) else { return }
        let count = limits.pauseBetweenTurns.samplesAt48kHz / UplinkPacer.frameSamples
        backlog.appendPause(frames: count, packet: UplinkSender.silentPacket, now: now)
    }

    /// The caller's turn is over: an unfinished frame is filled up, and silence follows at once.
    package func endTurn(now: Instant) {
        guard !backlog.hasRecording else { return backlog.endTurnWithRecording() }
        finishTurn(now: now)
        pump(now: now)
    }

    private func finishTurn(now: Instant) {
        backlog.finishFrame(now: now)
        input.reset()
        pacer.endTurn()
        turns.end(at: finishedSamples + backlog.samples)
    }

    /// Changes what the client sends. What it sent before is still played.
    package func change(format new: AudioFormat, now: Instant) throws(AudioCoderFailure) {
        guard new != input.format else { return }
        convertRecording(isWhole: true, now: now)
        // While sound waits it stays at its rate, and the encoder with it.
        let rate = backlog.hasSamples ? backlog.sampleRate : new.nearestOpusSampleRate
        input = try SoundInput(format: new, rate: rate, coders: coders)
        guard rate != backlog.sampleRate else { return }
        backlog.change(sampleRate: rate)
        sender.change(sampleRate: rate, frameLength: backlog.frameLength)
    }

    // MARK: Control

    /// The track can be sent on: from now on there is sound, or silence while sound is kept back.
    package func start(now: Instant) {
        isStarted = true
        pump(now: now)
    }

    /// Keeps sound back while nobody hears it.
    package func hold(now: Instant) { pacer.hold(now: now) }

    /// Lets it go.
    package func release(now: Instant) {
        pacer.release()
        pump(now: now)
    }

    /// Throws away what waits and what comes, or takes sound again.
    package func setMuted(_ muted: Bool, now: Instant) {
        guard muted != isMuted else { return }
        isMuted = muted
        guard muted else { return }
        backlog.removeAll()
        input.reset()
        pacer.stop(now: now)
    }

    /// How much the room loses of what we send, in percent: in-band FEC is spent against that and not in advance.
    package func expect(lossPercent: Int) { sender.encoder.expect(lossPercent: lossPercent) }

    /// From the next frame on.
    package func send(over link: OpusProfile.Link) { sender.encoder.send(over: link) }

    // MARK: Out

    /// How many turns of the caller have been played to their end since the last call.
    package func takePlayedTurns(now: Instant) -> Int {
        guard isStarted, !pacer.isHeld else { return 0 }
        // What the caller has muted away will never be played.
        return turns.take(played: isMuted ? Int.max : finishedSamples, after: limits.turnCallDelay, now: now)
    }

    /// Sends what is due. To be called on each tick, besides on each arrival of sound.
    package func pump(now: Instant) {
        keepToMaximum(now: now)
        longestDelay = max(longestDelay, queuedMilliseconds)
        guard isStarted else { return }
        guard !isMuted else { return }
        skipSilence(now: now)
        fallInStepInPause(now: now)
        while true {
            convertRecording(now: now)
            let surplus = backlog.samples > 0 ? surplus(now: now) : nil
            if !pacer.isHeld, backlog.hasPackets { unpack(surplus: surplus) }
            let head = backlog.head
            switch pacer.next(head: head, isNewest: isNewest(head), now: now) {
            case .wait:
                backlog.releaseSpare()
                // A caller who has been silent for long gives back the encoder; the next word makes a new one.
                if sender.encoder.isReady, let since = pacer.idleSince, now.nanoseconds(since: since) > idleCoderLife {
                    sender.encoder.release()
                }
                return
            case .frame(let timestamp, let isStart):
                if backlog.isPacketNext {
                    samplesSkipped += backlog.dropSurplusPacket(surplus: surplus)
                    sendPacket(timestamp: timestamp, isStart: isStart, now: now)
                } else {
                    sendFrame(surplus: surplus, timestamp: timestamp, isStart: isStart, now: now)
                }
                skipSilence(now: now)
            case .silence(let timestamp, let isStart):
                if head == nil, !pacer.isHeld { backlog.finishShiftedFrame(now: now) }
                detector.noteSilence(samples: UplinkPacer.frameSamples)
                sender.sendSilence(timestamp: timestamp, isStart: isStart, isOpus: input.format.encoding == .opus)
            }
        }
    }

    private func sendFrame(surplus: Int?, timestamp: UInt32, isStart: Bool, now: Instant) {
        let taken = backlog.takeFrame(into: &frame, surplus: surplus)
        samplesSent += UplinkPacer.frameSamples
        samplesSkipped += taken.leftOut
        let loudness = SoundLevel.rootMeanSquare(frame.span)
        detector.note(rootMeanSquare: loudness, samples: UplinkPacer.frameSamples, now: now)
        sender.send(frame, loudness: loudness, timestamp: timestamp, isStart: isStart, arrival: taken.arrival)
    }

    private func sendPacket(timestamp: UInt32, isStart: Bool, now: Instant) {
        guard let next = backlog.takePacket() else { return }
        if let loudness = next.loudness { detector.note(rootMeanSquare: loudness, samples: next.samples, now: now) }
        samplesSent += next.samples
        sender.send(next, timestamp: timestamp, isStart: isStart)
    }

    // MARK: Late sound

    /// Decodes packets that are late, as many as the next frame needs, and afterwards until frames end where a packet does.
    ///
    /// - Parameter isAll: sound of another kind follows.
    private func unpack(isAll: Bool = false, surplus: Int?) {
        while let packet = backlog.takePacketToUnpack(surplus: surplus, isAll: isAll) {
            unpacker.unpack(packet.bytes, samples: packet.samples, sampleRate: backlog.sampleRate) {
                backlog.append(unpacked: $0, arrival: packet.arrival)
            }
        }
        if !backlog.isUnpacking { unpacker.release() }
    }

    /// Keeps a client that streams live from being later than is allowed: pauses are shortened first, then the oldest sound
    /// gives way.
    private func keepToMaximum(now: Instant) {
        guard backlog.samples > 0, let late = surplus(now: now), late > maximumBacklog else { return }
        if now >= nextPauseSearch {
            nextPauseSearch = now + Self.pauseInterval
            samplesSkipped += backlog.shortenPauses(kept: keptSilence, view: keptBeginning) {
                $0.map { detector.isSilent(rootMeanSquare: $0) } ?? false
            }
        }
        let excess = (self.surplus(now: now) ?? 0) - maximumBacklog
        guard excess > 0 else { return }
        noteDropped(backlog.drop(to: backlog.samples - excess), beyond: limits.maximumBacklog)
    }

    private func noteDropped(_ samples: Int, beyond limit: Duration) {
        guard samples > 0 else { return }
        samplesDropped += samples
        lastDrop = Drop(limit: limit, isHeld: pacer.isHeld)
    }

    /// Leaves out silent frames while a live client's sound is late: everything that was held back, or piled up,
    /// would else delay the whole call. What came before the caller's first word goes at once.
    private func skipSilence(now: Instant) {
        guard detector.silentRun >= keptSilence, !pacer.isHeld, isLive(now: now) else { return }
        while backlog.samples > toleratedBacklog {
            let skipped = backlog.skip(view: keptBeginning) {
                $0.map { detector.isSilent(rootMeanSquare: $0) } ?? false
            }
            guard let skipped else { return }
            samplesSkipped += skipped
        }
    }

    /// What waits and would not of a client in step; nil for one that does not stream live.
    private func surplus(now: Instant) -> Int? {
        guard pace.isLive, !backlog.hasRecording else { return nil }
        return lastMessage.surplus(of: backlog.samples, tolerated: toleratedBacklog, liveness: liveness, now: now)
    }

    /// Whether nothing waits behind this frame, of a client that sends frame by frame and not a recording.
    private func isNewest(_ head: Int?) -> Bool {
        guard let head, lastMessage.samples <= UplinkPacer.frameSamples, !lastMessage.isRecorded else { return false }
        return backlog.samples < 2 * head
    }

    private func isLive(now: Instant) -> Bool {
        lastMessage.arrival.map { now.nanoseconds(since: $0) <= liveness } ?? false
    }

    /// What has come in one piece has to wait for its turn, late or not.
    private var toleratedBacklog: Int { max(toleratedDelay, lastMessage.wholeFrames) }

    /// Once in each pause: a frame that comes before it is due, because sound was kept back at first or because the
    /// client's clock is fast, would else wait for the next tick, and so would all that follow. Not for pieces of a
    /// recording: they come when they like, and in step with the earliest of them all others would be late.
    private func fallInStepInPause(now: Instant) {
        guard detector.silentRun >= keptBeginning else {
            isInStep = false
            return
        }
        guard !isInStep, !lastMessage.isRecorded, now == lastMessage.arrival, !pacer.isHeld,
            (1...toleratedBacklog).contains(backlog.samples)
        else { return }
        isInStep = true
        guard let newest = backlog.newestArrival else { return }
        let head = backlog.head ?? UplinkPacer.frameSamples
        // Of the last message the first frame is due when it comes, and the others one after the other.
        let earlier = backlog.samples - max(lastMessage.samples, head)
        let elapsed = Int(now.nanoseconds(since: newest) * 48 / 1_000_000)
        pacer.fallInStep(due: max(head, earlier + elapsed + head), now: now)
    }
}
