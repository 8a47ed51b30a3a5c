internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// Plays what the caller has said into the room: in real time, late sound faster, silence in the pauses. Amounts are in
/// samples at 48 kHz.
struct UplinkPlayout: ~Copyable {
    /// How often pauses that wait are looked for, at most.
    private static let pauseInterval = Duration.seconds(1)

    private(set) var detector = SpeechDetector()
    private(set) var samplesSent = 0
    private(set) var samplesDropped = 0
    private(set) var samplesSkipped = 0
    /// Why sound gave way the last time; nil when none has.
    private(set) var lastDrop: Uplink.Drop?

    private let limits: Limits
    /// The limits that count for each packet.
    private let keptSilence: Int
    private let keptBeginning: Int
    private let maximumBacklog: Int
    private let idleCoderLife: Int64
    private let sender: UplinkSender
    private let unpacker: PacketUnpacker
    private var backlog: UplinkBacklog
    private var pacer: UplinkPacer
    /// When pauses that wait may be looked for again.
    private var nextPauseSearch = Instant.zero
    /// Since the caller's last word, sound has fallen in step with the client.
    private var isInStep = false
    private var frame: [Int16] = []

    init(sampleRate: Int, limits: Limits, sender: UplinkSender, unpacker: PacketUnpacker, now: Instant) {
        self.limits = limits
        self.sender = sender
        self.unpacker = unpacker
        keptSilence = limits.keptSilence.samplesAt48kHz
        keptBeginning = limits.keptBeginning.samplesAt48kHz
        maximumBacklog = limits.maximumBacklog.samplesAt48kHz
        idleCoderLife = limits.idleCoderLife.nanoseconds
        backlog = UplinkBacklog(sampleRate: sampleRate, limit: limits.uplinkQueue)
        pacer = UplinkPacer(limits: limits, now: now)
    }

    /// What waits; an unfinished frame does not count.
    var samples: Int { backlog.samples }
    /// Whether samples wait, even if they are no whole frame.
    var hasSamples: Bool { backlog.hasSamples }
    /// Of frames, in Hz.
    var sampleRate: Int { backlog.sampleRate }
    /// Nobody hears the caller, so that sound is kept back.
    var isHeld: Bool { pacer.isHeld }
    /// How much is done with, one way or another.
    var finishedSamples: Int { samplesSent + samplesDropped + samplesSkipped }

    // MARK: In

    /// Appends samples at `sampleRate`.
    mutating func append(_ samples: Span<Int16>, _ cadence: ClientCadence, now: Instant) {
        if backlog.isUnpacking { unpack(isAll: true, surplus: cadence.surplus(of: backlog.samples, now: now)) }
        noteDropped(backlog.append(samples, now: now), beyond: limits.uplinkQueue)
    }

    /// Appends an Opus packet.
    ///
    /// - Parameter loudness: root mean square, of 32768; nil when it is not known.
    mutating func append(packet: [UInt8], samples: Int, loudness: Int?, now: Instant) {
        noteDropped(
            backlog.append(packet: packet, samples: samples, loudness: loudness, now: now), beyond: limits.uplinkQueue)
    }

    mutating func appendPause(frames: Int, now: Instant) {
        backlog.appendPause(frames: frames, packet: UplinkSender.silentPacket, now: now)
    }

    /// Sound is coming: the turn that ended is not the last one.
    mutating func noteArrival() { pacer.noteArrival() }

    /// The caller's turn is over: an unfinished frame is filled up, and silence follows at once.
    mutating func finishTurn(now: Instant) {
        backlog.finishFrame(now: now)
        pacer.endTurn()
    }

    /// Changes the rate of frames while no samples wait.
    mutating func change(sampleRate: Int) {
        backlog.change(sampleRate: sampleRate)
        sender.change(sampleRate: sampleRate, frameLength: backlog.frameLength)
    }

    /// Drops the oldest until no more than `maximum` waits.
    mutating func drop(to maximum: Int, beyond limit: Duration) {
        noteDropped(backlog.drop(to: maximum), beyond: limit)
    }

    /// So much has given way, because more than `limit` waited.
    mutating func noteDropped(_ samples: Int, beyond limit: Duration) {
        guard samples > 0 else { return }
        samplesDropped += samples
        lastDrop = Uplink.Drop(limit: limit, isHeld: pacer.isHeld)
    }

    // MARK: Control

    mutating func hold(now: Instant) { pacer.hold(now: now) }
    mutating func release() { pacer.release() }

    /// Throws away what waits, and sends nothing until sound comes.
    mutating func stop(now: Instant) {
        backlog.removeAll()
        pacer.stop(now: now)
    }

    // MARK: Out

    /// Sends one packet, if one is due; false when none is.
    ///
    /// - Parameter isOpus: the client sends Opus, so that silence needs no encoder.
    mutating func sendNext(_ cadence: ClientCadence, isOpus: Bool, now: Instant) -> Bool {
        let surplus = backlog.samples > 0 ? cadence.surplus(of: backlog.samples, now: now) : nil
        if !pacer.isHeld, backlog.hasPackets { unpack(surplus: surplus) }
        let head = backlog.head
        // Nothing waits behind this frame.
        let isNewest = cadence.isFrameByFrame && head.map { backlog.samples < 2 * $0 } ?? false
        switch pacer.next(head: head, isNewest: isNewest, now: now) {
        case .wait:
            backlog.releaseSpare()
            // A caller who has been silent for long gives back the encoder; the next word makes a new one.
            if sender.encoder.isReady, let since = pacer.idleSince, now.nanoseconds(since: since) > idleCoderLife {
                sender.encoder.release()
            }
            return false
        case .frame(let timestamp, let isStart):
            if backlog.isPacketNext {
                samplesSkipped += backlog.dropSurplusPacket(surplus: surplus)
                sendPacket(timestamp: timestamp, isStart: isStart, now: now)
            } else {
                sendFrame(surplus: surplus, timestamp: timestamp, isStart: isStart, now: now)
            }
            skipSilence(cadence, now: now)
        case .silence(let timestamp, let isStart):
            if head == nil, !pacer.isHeld { backlog.finishShiftedFrame(now: now) }
            detector.noteSilence(samples: UplinkPacer.frameSamples)
            sender.sendSilence(timestamp: timestamp, isStart: isStart, isOpus: isOpus)
        }
        return true
    }

    private mutating func sendFrame(surplus: Int?, timestamp: UInt32, isStart: Bool, now: Instant) {
        let taken = backlog.takeFrame(into: &frame, surplus: surplus)
        samplesSent += UplinkPacer.frameSamples
        samplesSkipped += taken.leftOut
        let loudness = SoundLevel.rootMeanSquare(frame.span)
        detector.note(rootMeanSquare: loudness, samples: UplinkPacer.frameSamples, now: now)
        sender.send(frame, loudness: loudness, timestamp: timestamp, isStart: isStart, arrival: taken.arrival)
    }

    private mutating func sendPacket(timestamp: UInt32, isStart: Bool, now: Instant) {
        guard let next = backlog.takePacket() else { return }
        if let loudness = next.loudness { detector.note(rootMeanSquare: loudness, samples: next.samples, now: now) }
        samplesSent += next.samples
        sender.send(next, timestamp: timestamp, isStart: isStart)
    }

    // MARK: Late sound

    /// Decodes packets that are late, as many as the next frame needs, and afterwards until frames end where a packet does.
    ///
    /// - Parameter isAll: sound of another kind follows.
    private mutating func unpack(isAll: Bool = false, surplus: Int?) {
        while let packet = backlog.takePacketToUnpack(surplus: surplus, isAll: isAll) {
            unpacker.unpack(packet.bytes, samples: packet.samples, sampleRate: backlog.sampleRate) {
                backlog.append(unpacked: $0, arrival: packet.arrival)
            }
        }
        if !backlog.isUnpacking { unpacker.release() }
    }

    /// Keeps a client that streams live from being later than is allowed: pauses are shortened first, then the oldest sound
    /// gives way.
    mutating func keepToMaximum(_ cadence: ClientCadence, now: Instant) {
        guard backlog.samples > 0, let late = cadence.surplus(of: backlog.samples, now: now), late > maximumBacklog
        else { return }
        if now >= nextPauseSearch {
            nextPauseSearch = now + Self.pauseInterval
            let detector = detector
            samplesSkipped += backlog.shortenPauses(kept: keptSilence, view: keptBeginning) {
                $0.map { detector.isSilent(rootMeanSquare: $0) } ?? false
            }
        }
        let excess = (cadence.surplus(of: backlog.samples, now: now) ?? 0) - maximumBacklog
        if excess > 0 { drop(to: backlog.samples - excess, beyond: limits.maximumBacklog) }
    }

    /// Leaves out silent frames while a live client's sound is late: everything that was held back, or piled up,
    /// would else delay the whole call. What came before the caller's first word goes at once.
    mutating func skipSilence(_ cadence: ClientCadence, now: Instant) {
        guard detector.silentRun >= keptSilence, !pacer.isHeld, cadence.isSending(now: now) else { return }
        let detector = detector
        while backlog.samples > cadence.tolerated {
            let skipped = backlog.skip(view: keptBeginning) {
                $0.map { detector.isSilent(rootMeanSquare: $0) } ?? false
            }
            guard let skipped else { return }
            samplesSkipped += skipped
        }
    }

    /// Once in each pause: a frame that comes before it is due, because sound was kept back at first or because the
    /// client's clock is fast, would else wait for the next tick, and so would all that follow. Not for pieces of a
    /// recording: they come when they like, and in step with the earliest of them all others would be late.
    mutating func fallInStepInPause(_ cadence: ClientCadence, now: Instant) {
        guard detector.silentRun >= keptBeginning else {
            isInStep = false
            return
        }
        guard !isInStep, !cadence.isRecorded, now == cadence.lastArrival, !pacer.isHeld,
            (1...cadence.tolerated).contains(backlog.samples)
        else { return }
        isInStep = true
        guard let newest = backlog.newestArrival else { return }
        let head = backlog.head ?? UplinkPacer.frameSamples
        // Of the last message the first frame is due when it comes, and the others one after the other.
        let earlier = backlog.samples - max(cadence.lastLength, head)
        let elapsed = Int(now.nanoseconds(since: newest) * 48 / 1_000_000)
        pacer.fallInStep(due: max(head, earlier + elapsed + head), now: now)
    }
}
