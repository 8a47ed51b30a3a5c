package import ClientProtocol
internal import PeerConnection
package import Wire

/// Where the caller's packets go.
package protocol UplinkSink: AnyObject {
    func uplink(packet: UnsafeRawBufferPointer, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?)
    /// All sound of a turn that the caller has ended is in the room.
    func uplinkTurnPlayed()
}

/// The caller's way into the room: bytes of any format and any size → frames of 20 ms → Opus, at the pace of real
/// time. Opus that the client sends passes through. Belongs to one loop.
package final class Uplink {
    /// 20 ms of silence as an Opus packet, for callers who send Opus themselves.
    private static let silentPacket: [UInt8] = [0xF8, 0xFF, 0xFE]
    /// The rate at which the client's Opus packets are decoded to find out how loud they are, in Hz.
    private static let meteringRate = 16_000

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
    private let queueLimit: Int
    private let coderRest: Int64
    private let coders: any AudioCoderFactory
    private weak var sink: (any UplinkSink)?
    /// Learns how long sound stays here.
    package var soundMeter: SoundMeter?
    private var format: AudioFormat
    private var decoder: SampleDecoder?
    private var converter: (any RateConverter)?
    private var encoder: (any SpeechEncoder)?
    private var frames: FrameAssembler
    private var packets = PacketQueue()
    /// When the frames, and when the packets, were complete.
    private var frameArrivals = ArrivalQueue()
    private var packetArrivals = ArrivalQueue()
    private var pacer: UplinkPacer
    /// Packets wait behind the frames that were there when they came.
    private var areFramesFirst = false
    private var turns = TurnMarks()
    private var lastArrival: Instant?
    /// How much sound came with the client's last message, in samples at 48 kHz.
    private var lastArrivalSamples = 0
    /// Since the caller's last word, sound has fallen in step with the client.
    private var isInStep = false
    /// Decodes the client's Opus packets, only to measure them.
    private var meter: (any SpeechDecoder)?
    private var metered: UnsafeMutableBufferPointer<Int16>?
    /// The caller's own Opus packets were the first sound.
    private var hasSentPackets = false
    private var isStarted = false
    private var transmission = DiscontinuousTransmission()
    private var decoded: [Int16] = []
    private var converted: [Int16] = []
    private var frame: [Int16] = []
    private var silentFrame: [Int16]
    /// The rate of frames and encoder, in Hz.
    private var codingRate: Int
    private let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 1500, alignment: 16)
    /// Percent of our packets that the room loses.
    private var expectedLoss = 0

    package init(
        format: AudioFormat, limits: Limits, coders: any AudioCoderFactory, sink: any UplinkSink, now: Instant
    ) throws(AudioCoderFailure) {
        self.format = format
        self.limits = limits
        liveness = limits.liveness.nanoseconds
        keptSilence = limits.keptSilence.samplesAt48kHz
        toleratedDelay = limits.toleratedDelay.samplesAt48kHz
        keptBeginning = limits.keptBeginning.samplesAt48kHz
        queueLimit = limits.uplinkQueue.samplesAt48kHz
        coderRest = limits.coderRest.nanoseconds
        self.coders = coders
        self.sink = sink
        let rate = format.nearestOpusSampleRate
        codingRate = rate
        frames = FrameAssembler(sampleRate: rate, limit: rate * Int(limits.uplinkQueue.components.seconds))
        pacer = UplinkPacer(limits: limits, now: now)
        decoder = SampleDecoder(format: format)
        silentFrame = [Int16](repeating: 0, count: frames.frameLength)
        if format.encoding != .opus {
            if format.sampleRate != rate { converter = try coders.makeConverter(from: format.sampleRate, to: rate) }
        }
    }

    deinit {
        packet.deallocate()
        metered?.deallocate()
    }

    /// What waits to be sent, in milliseconds.
    package var queuedMilliseconds: Int {
        queuedSamples / 48
    }

    private var queuedSamples: Int { packets.samples + frames.frameCount * UplinkPacer.frameSamples }

    /// How much of what came is done with, one way or another.
    private var finishedSamples: Int { samplesSent + samplesDropped + samplesSkipped }

    private var isPacketNext: Bool { !packets.isEmpty && !(areFramesFirst && frames.frameCount > 0) }

    // MARK: In

    /// Takes bytes in the session's input format, or one packet when that is Opus. Returns false when they cannot be
    /// sound.
    package func append(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Bool {
        guard !isMuted, !bytes.isEmpty else { return true }
        if format.encoding == .opus { return append(opus: bytes, now: now) }
        beginTurn(isRecorded: false)
        decoded.removeAll(keepingCapacity: true)
        // SAFETY: the bytes are only read during the call.
        unsafe decoder?.append(bytes.bytes, to: &decoded)
        append(decodedBy: converter, sampleRate: format.sampleRate, now: now)
        return true
    }

    /// Takes one Opus packet, whatever the session's input format is.
    /// - Parameter isRecorded: it is a part of a recording.
    package func append(opus bytes: UnsafeRawBufferPointer, isRecorded: Bool = false, now: Instant) -> Bool {
        guard let description = OpusPacket(bytes) else { return false }
        guard !isMuted else { return true }
        beginTurn(isRecorded: isRecorded)
        noteArrival(samples: description.sampleCount, now: now)
        if packets.isEmpty { areFramesFirst = frames.frameCount > 0 }
        samplesDropped += packets.append(
            [UInt8](bytes), samples: description.sampleCount, loudness: loudness(of: bytes, description),
            limit: queueLimit)
        packetArrivals.append(now, of: packets.count)
        pump(now: now)
        return true
    }

    /// How loud the client's packet is; nil when it cannot be decoded. Nothing else tells speech from silence: many
    /// clients send silence without DTX.
    private func loudness(of bytes: UnsafeRawBufferPointer, _ description: OpusPacket) -> Int? {
        if description.isDiscontinuous { return 0 }
        if meter == nil { meter = try? coders.makeDecoder(sampleRate: Self.meteringRate) }
        let metered = self.metered ?? .allocate(capacity: Self.meteringRate * 120 / 1000)
        self.metered = metered
        guard let count = meter?.decode(bytes, into: metered) else { return nil }
        // SAFETY: the decoder has just written `count` samples; they are only read during the call.
        return unsafe SoundLevel.rootMeanSquare(UnsafeBufferPointer(rebasing: metered[..<count]).span)
    }

    /// Takes a recorded utterance of mono samples at any rate.
    package func append(recording: [Int16], sampleRate: Int, now: Instant) throws(AudioCoderFailure) {
        guard !isMuted else { return }
        let converter = sampleRate == codingRate ? nil : try coders.makeConverter(from: sampleRate, to: codingRate)
        beginTurn(isRecorded: true)
        decoded.removeAll(keepingCapacity: true)
        decoded.append(contentsOf: recording)
        append(decodedBy: converter, sampleRate: sampleRate, now: now)
    }

    private func append(decodedBy converter: (any RateConverter)?, sampleRate: Int, now: Instant) {
        noteArrival(samples: decoded.count * 48_000 / max(1, sampleRate), now: now)
        let dropped: Int
        if let converter {
            converted.removeAll(keepingCapacity: true)
            converter.convert(decoded.span, appendingTo: &converted)
            dropped = frames.append(converted.span)
        } else {
            dropped = frames.append(decoded.span)
        }
        samplesDropped += dropped / frames.frameLength * UplinkPacer.frameSamples
        frameArrivals.append(now, of: frames.frameCount, dropped: dropped / frames.frameLength)
        // Scratch memory of a burst is given back.
        if decoded.capacity > 65_536 { decoded = [] }
        if converted.capacity > 65_536 { converted = [] }
        pump(now: now)
    }

    private func noteArrival(samples: Int, now: Instant) {
        lastArrival = now
        lastArrivalSamples = samples
        pacer.noteArrival()
    }

    /// Sound of another turn while the one before is still being played: the agent must hear that they are two.
    private func beginTurn(isRecorded: Bool) {
        guard turns.begin() else { return }
        let backlog = queuedSamples
        // Who streams live is a moment behind at most, and stays so.
        guard backlog > (isRecorded ? 0 : limits.catchUp.samplesAt48kHz) else { return }
        let count = limits.pauseBetweenTurns.samplesAt48kHz / UplinkPacer.frameSamples
        if frames.frameCount > 0, !isPacketNext || packets.isEmpty {
            let pause = [Int16](repeating: 0, count: count * frames.frameLength)
            frames.append(pause.span)
        } else {
            for _ in 0..<count {
                _ = packets.append(
                    Self.silentPacket, samples: UplinkPacer.frameSamples, loudness: 0,
                    limit: limits.uplinkQueue.samplesAt48kHz)
            }
        }
    }

    /// The caller's turn is over: an unfinished frame is filled up, and silence follows at once.
    package func endTurn(now: Instant) {
        if !frames.sampleCount.isMultiple(of: frames.frameLength) {
            let missing = frames.frameLength - frames.sampleCount % frames.frameLength
            let padding = Array(silentFrame[..<missing])
            frames.append(padding.span)
            frameArrivals.append(now, of: frames.frameCount)
        }
        decoder?.reset()
        pacer.endTurn()
        turns.end(at: finishedSamples + queuedSamples)
        pump(now: now)
    }

    /// Changes what the client sends. What it sent before is still played.
    package func change(format new: AudioFormat) throws(AudioCoderFailure) {
        guard new != format else { return }
        // While sound waits it stays at its rate, and the encoder with it.
        let rate = frames.sampleCount == 0 ? new.nearestOpusSampleRate : codingRate
        converter =
            new.encoding == .opus || new.sampleRate == rate
            ? nil : try coders.makeConverter(from: new.sampleRate, to: rate)
        decoder = SampleDecoder(format: new)
        format = new
        guard rate != codingRate else { return }
        codingRate = rate
        encoder = nil
        frames = FrameAssembler(sampleRate: rate, limit: rate * Int(limits.uplinkQueue.components.seconds))
        frameArrivals.removeAll()
        silentFrame = [Int16](repeating: 0, count: frames.frameLength)
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
        fallInStep(now: now)
        pump(now: now)
    }

    package var isHeld: Bool { pacer.isHeld }

    /// Throws away what waits and what comes, or takes sound again.
    package func setMuted(_ muted: Bool, now: Instant) {
        guard muted != isMuted else { return }
        isMuted = muted
        guard muted else { return }
        frames.removeAll()
        packets.removeAll()
        frameArrivals.removeAll()
        packetArrivals.removeAll()
        decoder?.reset()
        pacer.stop(now: now)
    }

    /// How much the room loses of what we send, in percent: in-band FEC is spent against that and not in advance.
    package func expect(lossPercent: Int) {
        guard lossPercent != expectedLoss else { return }
        expectedLoss = lossPercent
        encoder?.expect(lossPercent: lossPercent)
    }

    // MARK: Out

    /// Sends what is due. To be called on each tick, besides on each arrival of sound.
    package func pump(now: Instant) {
        longestDelay = max(longestDelay, queuedMilliseconds)
        guard isStarted else { return }
        if !pacer.isHeld {
            // What the caller has muted away will never be played.
            let played = isMuted ? Int.max : finishedSamples
            for _ in 0..<turns.take(played: played, after: limits.turnCallDelay, now: now) { sink?.uplinkTurnPlayed() }
        }
        guard !isMuted else { return }
        skipSilence(now: now)
        fallInStepInPause(now: now)
        while true {
            let head = isPacketNext ? packets.headSamples : frames.frameCount > 0 ? UplinkPacer.frameSamples : nil
            switch pacer.next(head: head, now: now) {
            case .wait:
                frames.releaseSpare()
                // A caller who has been silent for long gives back the encoder; the next word makes a new one.
                if encoder != nil, let since = pacer.idleSince, now.nanoseconds(since: since) > coderRest {
                    encoder = nil
                }
                return
            case .frame(let timestamp, let isStart):
                if !isPacketNext {
                    guard frames.next(into: &frame) else { return }
                    samplesSent += UplinkPacer.frameSamples
                    send(frame, timestamp: timestamp, isStart: isStart, now: now, arrival: frameArrivals.pop())
                } else {
                    sendPacket(timestamp: timestamp, isStart: isStart, now: now)
                }
                skipSilence(now: now)
            case .silence(let timestamp, let isStart):
                detector.noteSilence(samples: UplinkPacer.frameSamples)
                if encoder == nil, format.encoding == .opus || hasSentPackets {
                    sendSilentPacket(timestamp: timestamp, isStart: isStart)
                } else {
                    send(silentFrame, timestamp: timestamp, isStart: isStart, now: nil, arrival: nil)
                }
            }
        }
    }

    /// Leaves out silent frames while a live client's sound is late: everything that was held back, or piled up,
    /// would else stay a delay for the rest of the call. What came before the caller's first word goes at once.
    private func skipSilence(now: Instant) {
        guard detector.silentRun >= keptSilence, !pacer.isHeld, isLive(now: now) else { return }
        let tolerated = toleratedBacklog
        while detector.silentRun >= keptSilence, queuedSamples > tolerated {
            if isPacketNext, let samples = packets.headSamples {
                let inView = min(packets.count, keptBeginning / max(1, samples) + 1)
                guard (0..<inView).allSatisfy({ isSilent(loudness: packets.loudness(at: $0)) }) else { return }
                _ = packets.pop()
                _ = packetArrivals.pop()
                samplesSkipped += samples
            } else {
                let inView = min(frames.frameCount, keptBeginning / UplinkPacer.frameSamples + 1)
                guard inView > 0, (0..<inView).allSatisfy({ isSilent(loudness: loudness(ofFrame: $0)) }) else { return }
                frames.skip()
                _ = frameArrivals.pop()
                samplesSkipped += UplinkPacer.frameSamples
            }
        }
    }

    private func isLive(now: Instant) -> Bool { lastArrival.map { now.nanoseconds(since: $0) <= liveness } ?? false }

    /// What has come in one piece has to wait for its turn, late or not.
    private var toleratedBacklog: Int {
        let wholeFrames = (lastArrivalSamples + UplinkPacer.frameSamples - 1) / UplinkPacer.frameSamples
        return max(toleratedDelay, wholeFrames * UplinkPacer.frameSamples)
    }

    /// Once in each pause: a frame that comes a little before it is due, because the first one came late or because the
    /// client's clock is fast, would else wait for the next tick, and so would all that follow.
    private func fallInStepInPause(now: Instant) {
        guard detector.silentRun >= keptBeginning else {
            isInStep = false
            return
        }
        guard !isInStep, now == lastArrival, !pacer.isHeld, (1...toleratedBacklog).contains(queuedSamples) else {
            return
        }
        isInStep = true
        fallInStep(now: now)
    }

    /// Lets sound leave from here on as it comes, and at once what would have left by now, had it always done so.
    private func fallInStep(now: Instant) {
        guard isLive(now: now), let newest = packets.isEmpty ? frameArrivals.newest : packetArrivals.newest else {
            return
        }
        let head = (isPacketNext ? packets.headSamples : nil) ?? UplinkPacer.frameSamples
        // Of the last message the first frame is due when it comes, and the rest one after the other.
        let earlier = queuedSamples - max(lastArrivalSamples, head)
        let elapsed = Int(now.nanoseconds(since: newest) * 48 / 1_000_000)
        pacer.fallInStep(due: max(head, earlier + elapsed + head), now: now)
    }

    private func isSilent(loudness: Int?) -> Bool { loudness.map { detector.isSilent(rootMeanSquare: $0) } ?? false }

    private func loudness(ofFrame index: Int) -> Int? {
        guard frames.peek(at: index, into: &frame) else { return nil }
        // A reference of its own keeps the samples in place while they are read.
        let samples = frame
        return SoundLevel.rootMeanSquare(samples.span)
    }

    /// - Parameters:
    ///   - now: when the frame is the caller's; nil for silence of ours.
    ///   - arrival: when the caller's frame was complete.
    private func send(_ samples: [Int16], timestamp: UInt32, isStart: Bool, now: Instant?, arrival: Instant?) {
        var loudness = 0
        var isSilent = true
        if let now {
            loudness = SoundLevel.rootMeanSquare(samples.span)
            isSilent = detector.isSilent(rootMeanSquare: loudness)
            detector.note(rootMeanSquare: loudness, samples: UplinkPacer.frameSamples, now: now)
        }
        if encoder == nil {
            encoder = try? coders.makeEncoder(sampleRate: codingRate)
            transmission.encoderChanged()
            if expectedLoss > 0 { encoder?.expect(lossPercent: expectedLoss) }
        }
        if transmission.leavesOut(rootMeanSquare: loudness, isSilent: isSilent, isStart: isStart) {
            return suppressed()
        }
        guard let length = encoder?.encode(samples.span, into: packet), length > 0 else { return }
        switch transmission.judge(packetBytes: length, rootMeanSquare: loudness, isStart: isStart) {
        case .suppress: suppressed()
        case .send(let resumes):
            packetsSent += 1
            // SAFETY: `length` bytes have just been written.
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: packet[..<length])
            sink?.uplink(
                packet: bytes, timestamp: timestamp, samples: UplinkPacer.frameSamples, isStart: isStart || resumes,
                level: SoundLevel.audioLevel(rootMeanSquare: loudness))
            soundMeter?.sent(arrival: arrival)
        }
    }

    private func suppressed() {
        packetsSuppressed += 1
        soundMeter?.suppressed()
    }

    private func sendPacket(timestamp: UInt32, isStart: Bool, now: Instant) {
        let loudness = packets.loudness(at: 0)
        guard let samples = packets.headSamples, let bytes = packets.pop() else { return }
        if let loudness { detector.note(rootMeanSquare: loudness, samples: samples, now: now) }
        let level = loudness.map { SoundLevel.audioLevel(rootMeanSquare: $0) }
        samplesSent += samples
        packetsSent += 1
        hasSentPackets = true
        bytes.withUnsafeBytes { buffer in
            sink?.uplink(packet: buffer, timestamp: timestamp, samples: samples, isStart: isStart, level: level)
        }
        soundMeter?.sent(arrival: packetArrivals.pop())
    }

    private func sendSilentPacket(timestamp: UInt32, isStart: Bool) {
        packetsSent += 1
        Self.silentPacket.withUnsafeBytes { buffer in
            sink?.uplink(
                packet: buffer, timestamp: timestamp, samples: UplinkPacer.frameSamples, isStart: isStart, level: 127)
        }
        soundMeter?.sent(arrival: nil)
    }
}
