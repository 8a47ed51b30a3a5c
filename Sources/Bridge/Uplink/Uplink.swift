package import ClientProtocol
internal import PeerConnection
package import Wire

/// The caller's way into the room: bytes of any format and any size → frames of 20 ms → Opus, at the pace of real
/// time. Opus that the client sends passes through. Belongs to one loop.
package final class Uplink {
    /// 20 ms of silence as an Opus packet, for callers who send Opus themselves.
    private static let silentPacket: [UInt8] = [0xF8, 0xFF, 0xFE]

    /// Whether the client's sound is thrown away.
    package private(set) var isMuted = false
    package private(set) var detector = SpeechDetector()
    package private(set) var samplesSent = 0
    package private(set) var samplesDropped = 0
    package private(set) var samplesSkipped = 0
    package private(set) var packetsSent = 0
    package private(set) var packetsSuppressed = 0
    package private(set) var longestDelay = 0

    private let limits: Limits
    /// The limits that count for each packet, in nanoseconds and in samples at 48 kHz.
    private let liveness: Int64
    private let keptSilence: Int
    private let toleratedDelay: Int
    private let keptBeginning: Int
    private let idleCoderLife: Int64
    private let coders: any AudioCoderFactory
    /// Nil while there is no room: what is sent meanwhile is lost.
    package weak var sink: (any UplinkSink)?
    package var soundMeter: SoundMeter?
    private var format: AudioFormat
    private var decoder: SampleDecoder?
    private var converter: (any RateConverter)?
    private let encoder: FrameEncoder
    private let failures: CodingFailures
    private var backlog: UplinkBacklog
    private var pacer: UplinkPacer
    private var turns = TurnMarks()
    private var lastMessage = LastMessage()
    /// Since the caller's last word, sound has fallen in step with the client.
    private var isInStep = false
    /// Measures the client's Opus packets; made for the first one.
    private var meter: PacketMeter?
    /// The caller's own Opus packets were the first sound.
    private var hasSentPackets = false
    private var isStarted = false
    private var decoded: [Int16] = []
    private var converted: [Int16] = []
    private var frame: [Int16] = []
    private var silentFrame: [Int16]
    private var packet = [UInt8](repeating: 0, count: FrameEncoder.maximumLength)

    package init(
        format: AudioFormat, limits: Limits, coders: any AudioCoderFactory,
        failures: CodingFailures = CodingFailures(), now: Instant
    ) throws(AudioCoderFailure) {
        self.format = format
        self.limits = limits
        liveness = limits.liveness.nanoseconds
        keptSilence = limits.keptSilence.samplesAt48kHz
        toleratedDelay = limits.toleratedDelay.samplesAt48kHz
        keptBeginning = limits.keptBeginning.samplesAt48kHz
        idleCoderLife = limits.idleCoderLife.nanoseconds
        self.coders = coders
        self.failures = failures
        let rate = format.nearestOpusSampleRate
        encoder = FrameEncoder(sampleRate: rate, coders: coders, failures: failures)
        backlog = UplinkBacklog(sampleRate: rate, limit: limits.uplinkQueue)
        pacer = UplinkPacer(limits: limits, now: now)
        decoder = SampleDecoder(format: format)
        silentFrame = [Int16](repeating: 0, count: backlog.frameLength)
        if format.encoding != .opus, format.sampleRate != rate {
            converter = try coders.makeConverter(from: format.sampleRate, to: rate)
        }
    }

    /// What waits to be sent, in milliseconds.
    package var queuedMilliseconds: Int { backlog.samples / 48 }

    /// How much of what came is done with, one way or another.
    private var finishedSamples: Int { samplesSent + samplesDropped + samplesSkipped }

    // MARK: In

    /// Takes bytes in the session's input format, or one packet when that is Opus. Returns false when they cannot be
    /// sound.
    package func append(_ bytes: RawSpan, now: Instant) -> Bool {
        guard !isMuted, !bytes.isEmpty else { return true }
        if format.encoding == .opus { return append(opus: bytes, now: now) }
        beginTurn(isRecorded: false, now: now)
        decoded.removeAll(keepingCapacity: true)
        decoder?.append(bytes, to: &decoded)
        append(decodedBy: converter, sampleRate: format.sampleRate, now: now)
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
        samplesDropped += backlog.append(
            packet: [UInt8](copying: bytes), samples: description.sampleCount, loudness: loudness, now: now)
    }

    /// Takes a recorded utterance of mono samples at any rate.
    package func append(recording: [Int16], sampleRate: Int, now: Instant) throws(AudioCoderFailure) {
        guard !isMuted else { return }
        let converter =
            sampleRate == backlog.sampleRate ? nil : try coders.makeConverter(from: sampleRate, to: backlog.sampleRate)
        beginTurn(isRecorded: true, now: now)
        if let converter {
            noteArrival(samples: recording.count * 48_000 / max(1, sampleRate), now: now)
            backlog.append(WaitingRecording(recording, sampleRate: sampleRate, converter: converter))
            pump(now: now)
        } else {
            decoded.removeAll(keepingCapacity: true)
            decoded.append(contentsOf: recording)
            append(decodedBy: nil, sampleRate: sampleRate, now: now)
        }
    }

    /// Converts what is next of a recording that waits, or all of it.
    private func convertRecording(isWhole: Bool = false, now: Instant) {
        guard backlog.hasRecording else { return }
        let (dropped, endsTurn) = backlog.convertRecording(isWhole: isWhole, now: now)
        samplesDropped += dropped
        if endsTurn { finishTurn(now: now) }
    }

    private func append(decodedBy converter: (any RateConverter)?, sampleRate: Int, now: Instant) {
        noteArrival(samples: decoded.count * 48_000 / max(1, sampleRate), now: now)
        if let converter {
            converted.removeAll(keepingCapacity: true)
            converter.convert(decoded.span, appendingTo: &converted)
            samplesDropped += backlog.append(converted.span, now: now)
        } else {
            samplesDropped += backlog.append(decoded.span, now: now)
        }
        // Scratch memory of a burst is given back.
        if decoded.capacity > 65_536 { decoded = [] }
        if converted.capacity > 65_536 { converted = [] }
        pump(now: now)
    }

    private func noteArrival(samples: Int, isRecorded: Bool = false, now: Instant) {
        lastMessage.note(samples: samples, isRecorded: isRecorded, now: now)
        pacer.noteArrival()
    }

    /// Sound of another turn while the one before is still being played: the agent must hear that they are two.
    private func beginTurn(isRecorded: Bool, now: Instant) {
        convertRecording(isWhole: true, now: now)
        // Who streams live is a moment behind at most, and stays so.
        guard turns.begin(), backlog.samples > (isRecorded ? 0 : limits.catchUp.samplesAt48kHz) else { return }
        let count = limits.pauseBetweenTurns.samplesAt48kHz / UplinkPacer.frameSamples
        backlog.appendPause(frames: count, packet: Self.silentPacket, now: now)
    }

    /// The caller's turn is over: an unfinished frame is filled up, and silence follows at once.
    package func endTurn(now: Instant) {
        guard !backlog.hasRecording else { return backlog.endTurnWithRecording() }
        finishTurn(now: now)
        pump(now: now)
    }

    private func finishTurn(now: Instant) {
        backlog.finishFrame(now: now)
        decoder?.reset()
        pacer.endTurn()
        turns.end(at: finishedSamples + backlog.samples)
    }

    /// Changes what the client sends. What it sent before is still played.
    package func change(format new: AudioFormat, now: Instant) throws(AudioCoderFailure) {
        guard new != format else { return }
        convertRecording(isWhole: true, now: now)
        // While sound waits it stays at its rate, and the encoder with it.
        let rate = backlog.hasSamples ? backlog.sampleRate : new.nearestOpusSampleRate
        converter =
            new.encoding == .opus || new.sampleRate == rate
            ? nil : try coders.makeConverter(from: new.sampleRate, to: rate)
        decoder = SampleDecoder(format: new)
        format = new
        guard rate != backlog.sampleRate else { return }
        encoder.change(sampleRate: rate)
        backlog.change(sampleRate: rate)
        silentFrame = [Int16](repeating: 0, count: backlog.frameLength)
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
        decoder?.reset()
        pacer.stop(now: now)
    }

    /// How much the room loses of what we send, in percent: in-band FEC is spent against that and not in advance.
    package func expect(lossPercent: Int) { encoder.expect(lossPercent: lossPercent) }

    /// From the next frame on.
    package func send(over link: OpusProfile.Link) { encoder.send(over: link) }

    // MARK: Out

    /// How many turns of the caller have been played to their end since the last call.
    package func takePlayedTurns(now: Instant) -> Int {
        guard isStarted, !pacer.isHeld else { return 0 }
        // What the caller has muted away will never be played.
        return turns.take(played: isMuted ? Int.max : finishedSamples, after: limits.turnCallDelay, now: now)
    }

    /// Sends what is due. To be called on each tick, besides on each arrival of sound.
    package func pump(now: Instant) {
        longestDelay = max(longestDelay, queuedMilliseconds)
        guard isStarted else { return }
        guard !isMuted else { return }
        skipSilence(now: now)
        fallInStepInPause(now: now)
        while true {
            convertRecording(now: now)
            let head = backlog.head
            switch pacer.next(head: head, isNewest: isNewest(head), now: now) {
            case .wait:
                backlog.releaseSpare()
                // A caller who has been silent for long gives back the encoder; the next word makes a new one.
                if encoder.isReady, let since = pacer.idleSince, now.nanoseconds(since: since) > idleCoderLife {
                    encoder.release()
                }
                return
            case .frame(let timestamp, let isStart):
                let surplus = surplus(now: now)
                if backlog.isPacketNext {
                    samplesSkipped += backlog.dropSurplusPacket(surplus: surplus, now: now)
                    sendPacket(timestamp: timestamp, isStart: isStart, now: now)
                } else {
                    let taken = backlog.takeFrame(into: &frame, surplus: surplus, now: now)
                    samplesSent += UplinkPacer.frameSamples
                    samplesSkipped += taken.leftOut
                    send(frame, timestamp: timestamp, isStart: isStart, now: now, arrival: taken.arrival)
                }
                skipSilence(now: now)
            case .silence(let timestamp, let isStart):
                if head == nil, !pacer.isHeld { backlog.finishShiftedFrame(now: now) }
                detector.noteSilence(samples: UplinkPacer.frameSamples)
                if !encoder.isReady, format.encoding == .opus || hasSentPackets {
                    sendSilentPacket(timestamp: timestamp, isStart: isStart)
                } else {
                    send(silentFrame, timestamp: timestamp, isStart: isStart, now: nil, arrival: nil)
                }
            }
        }
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

    /// What waits because the client's clock is fast, and what came at once; nil while it does not stream live.
    private func surplus(now: Instant) -> Int? {
        guard !backlog.hasRecording, !turns.isBetweenTurns else { return nil }
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

    /// - Parameters:
    ///   - now: when the frame is the caller's; nil for silence of ours.
    ///   - arrival: when the caller's frame was complete.
    private func send(_ samples: [Int16], timestamp: UInt32, isStart: Bool, now: Instant?, arrival: Instant?) {
        var loudness = 0
        if let now {
            loudness = SoundLevel.rootMeanSquare(samples.span)
            detector.note(rootMeanSquare: loudness, samples: UplinkPacer.frameSamples, now: now)
        }
        var room = packet.mutableSpan
        switch encoder.encode(samples.span, isStart: isStart, into: &room) {
        case .suppressed:
            packetsSuppressed += 1
            soundMeter?.suppressed()
        case .failed: break
        case .packet(let length, let resumes):
            packetsSent += 1
            // Held for as long as it is lent.
            let packet = packet
            sink?.sendAudio(
                packet.span.bytes.extracting(first: length), timestamp: timestamp,
                samples: UplinkPacer.frameSamples, isStart: isStart || resumes,
                level: SoundLevel.audioLevel(rootMeanSquare: loudness))
            soundMeter?.sent(arrival: arrival)
        }
    }

    private func sendPacket(timestamp: UInt32, isStart: Bool, now: Instant) {
        guard let next = backlog.takePacket() else { return }
        if let loudness = next.loudness { detector.note(rootMeanSquare: loudness, samples: next.samples, now: now) }
        let level = next.loudness.map { SoundLevel.audioLevel(rootMeanSquare: $0) }
        samplesSent += next.samples
        packetsSent += 1
        hasSentPackets = true
        sink?.sendAudio(
            next.bytes.span.bytes, timestamp: timestamp, samples: next.samples, isStart: isStart, level: level)
        soundMeter?.sent(arrival: next.arrival)
    }

    private func sendSilentPacket(timestamp: UInt32, isStart: Bool) {
        packetsSent += 1
        let packet = Self.silentPacket
        sink?.sendAudio(
            packet.span.bytes, timestamp: timestamp, samples: UplinkPacer.frameSamples, isStart: isStart, level: 127)
        soundMeter?.sent(arrival: nil)
    }
}
