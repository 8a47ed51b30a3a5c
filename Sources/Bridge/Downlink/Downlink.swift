package import ClientProtocol
internal import PeerConnection
package import Wire

/// Where the sound for the client goes.
package protocol DownlinkSink: AnyObject {
    /// Bytes in the output format: one frame, one piece, or one Opus packet. They are not needed after the call.
    func downlink(sound: RawSpan)
}

/// The room's way to the client: packets of any number of tracks → samples at the client's rate → frames. A single
/// voice leaves as soon as a frame is complete; several at once are mixed on the tick. Belongs to one loop.
package final class Downlink {
    package private(set) var packetsReceived = 0

    private let limits: Limits
    /// The limits that count for each packet and each tick, in nanoseconds.
    private let tickLength: Int64
    private let silenceHangover: Int64
    private let flushAfter: Int64
    private let idleCoderLife: Int64
    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    private weak var sink: (any DownlinkSink)?
    /// A handful, in the order in which they came: going over them costs less than a look into a hash table.
    private var tracks: [StreamDecoder] = []
    private var stage: OutputStage
    private var mixer = Mixer()
    private var mixed: [Int16] = []
    private var trackFrame: [Int16] = []
    private var lastOutput: Instant
    private var lastMix: Instant?
    /// Tells how loud packets are that pass undecoded.
    private var packetMeter: PacketMeter
    /// Whether what is neither the voice nor speech is heard by itself.
    private var passesAmbience: Bool
    /// Sound of a voice waits in the stage.
    private var hasWaitingVoice = false
    private var suppression: Suppression?
    private var finishedTracks = (concealed: 0, recovered: 0, undecodable: 0)

    /// Why voices are not heard for now.
    private enum Suppression {
        /// The client has asked the agent to stop, which has until then to do so.
        case requested(until: Instant)
        /// The agent has stopped: what was on its way comes until then.
        case stopped(until: Instant)
    }

    /// - Parameter passesAmbience: whether what is neither the voice nor speech is heard by itself, or only with a voice.
    package init(
        format: AudioFormat, cutting: OutputCutting, passesAmbience: Bool = true, limits: Limits,
        coders: any AudioCoderFactory,
        failures: CodingFailures = CodingFailures(), sink: any DownlinkSink, now: Instant
    ) throws(AudioCoderFailure) {
        self.limits = limits
        tickLength = max(1, limits.tick.nanoseconds)
        silenceHangover = limits.silenceHangover.nanoseconds
        flushAfter = limits.flushAfter.nanoseconds
        idleCoderLife = limits.idleCoderLife.nanoseconds
        self.coders = coders
        self.passesAmbience = passesAmbience
        packetMeter = PacketMeter(coders: coders, failures: failures)
        self.failures = failures
        self.sink = sink
        lastOutput = now
        stage = try OutputStage(format: format, cutting: cutting, coders: coders, failures: failures, sink: sink)
    }

    /// The client wants its sound otherwise. What waits goes out as before; tracks go on.
    package func change(
        format: AudioFormat, cutting: OutputCutting, passesAmbience: Bool, now: Instant
    ) throws(AudioCoderFailure) {
        guard let sink else { return }
        self.passesAmbience = passesAmbience
        let old = stage
        let new = try OutputStage(format: format, cutting: cutting, coders: coders, failures: failures, sink: sink)
        old.endReply(now: now)
        stage = new
        guard new.sampleRate != old.sampleRate else { return }
        let players = tracks
        tracks = []
        for track in players {
            finish(track)
            try addTrack(track.id, participant: track.participant, role: track.role, now: now)
            tracks.last?.isMuted = track.isMuted
        }
    }

    /// The rate at which tracks are decoded and mixed.
    private var codingRate: Int { stage.sampleRate }

    /// Samples at 48 kHz that had to be invented or were recovered, and packets that made no sense.
    package var concealed: Int { finishedTracks.concealed + tracks.reduce(0) { $0 + $1.concealed } }
    package var recovered: Int { finishedTracks.recovered + tracks.reduce(0) { $0 + $1.recovered } }
    package var undecodable: Int { finishedTracks.undecodable + tracks.reduce(0) { $0 + $1.undecodable } }

    /// How many tracks can be decoded at a time.
    var maximumTracks: Int { limits.maximumTracks }

    /// Whether a voice is to be heard at the moment, or just was.
    package var isVoiceAudible: Bool { tracks.contains { $0.role == .voice && $0.gate.isOpen } }

    /// The same, but of a voice with a noise in it only what is not the noise.
    package func isVoiceSpeaking(now: Instant) -> Bool {
        tracks.contains { $0.role == .voice && $0.gate.isOpen && $0.speech.isActive(now: now) }
    }

    /// Whether anybody speaks, or has just spoken.
    package func isAnyoneSpeaking(now: Instant) -> Bool { tracks.contains { speaks($0, now: now) } }

    /// Whether there is a voice in what is sent next.
    package var hasVoice: Bool { hasWaitingVoice || isVoiceAudible }

    /// When `handleTimeout` wants to be called besides the ticks.
    package var nextDeadline: Instant? { stage.nextDeadline }

    // MARK: Tracks

    /// Gives the track a decoder, which its sound comes with; nil when there are too many, or it is there already.
    @discardableResult
    func addTrack(
        _ id: String, participant: String, role: SoundRole = .voice, now: Instant
    ) throws(AudioCoderFailure) -> StreamDecoder? {
        guard decoder(of: id) == nil, tracks.count < limits.maximumTracks else { return nil }
        let decoder = try StreamDecoder(
            id: id, participant: participant, role: role, sampleRate: codingRate, limits: limits, coders: coders,
            failures: failures, now: now)
        tracks.append(decoder)
        return decoder
    }

    /// The decoder of a track, which is another one after a change of the rate.
    func decoder(of id: String) -> StreamDecoder? {
        for track in tracks where track.id == id { return track }
        return nil
    }

    package func removeTrack(_ id: String) {
        guard let index = tracks.firstIndex(where: { $0.id == id }) else { return }
        finish(tracks.remove(at: index))
        if audibleCount(now: lastOutput) == 0 { stage.flush() }
    }

    private func finish(_ track: StreamDecoder) {
        finishedTracks.concealed += track.concealed
        finishedTracks.recovered += track.recovered
        finishedTracks.undecodable += track.undecodable
    }

    package func setRole(_ id: String, _ role: SoundRole) { decoder(of: id)?.role = role }

    package func setMuted(_ id: String, _ isMuted: Bool) {
        guard let track = decoder(of: id) else { return }
        track.isMuted = isMuted
        if isMuted { track.closeGate() }
        if audibleCount(now: lastOutput) == 0 { stage.flush() }
    }

    /// How many tracks are to be heard.
    private func audibleCount(now: Instant) -> Int {
        guard passesAmbience || tracks.contains(where: { leads($0, now: now) }) else { return 0 }
        return tracks.reduce(0) { $0 + ($1.gate.isOpen ? 1 : 0) }
    }

    /// Whether a track is heard by itself, and everything else with it.
    private func leads(_ track: StreamDecoder, now: Instant) -> Bool {
        track.role == .voice ? track.gate.isOpen : speaks(track, now: now)
    }

    private func speaks(_ track: StreamDecoder, now: Instant) -> Bool {
        track.role != .ambience && track.gate.isOpen && track.speech.isActive(now: now)
    }

    // MARK: Sound

    func receive(_ output: JitterBufferOutput, _ track: StreamDecoder, now: Instant) {
        if case .packet = output { packetsReceived += 1 }
        if track.role == .voice, isSuppressed(now: now) { return }
        if stage.format.encoding == .opus, tracks.count == 1, !track.isMuted, passesAmbience || track.role == .voice {
            return passThrough(output, of: track, now: now)
        }
        let wasOpen = track.gate.isOpen
        track.play(output, now: now) { samples in
            switch audibleCount(now: now) {
            case 0: break
            case 1:
                drainMix(keeping: track)
                emit(samples, isVoice: track.role == .voice, now: now)
            default: track.waiting.append(samples)
            }
        }
        if wasOpen, !track.gate.isOpen, audibleCount(now: now) == 0 {
            drainMix(keeping: track)
            stage.flush()
        }
    }

    /// Opus to Opus without decoding. Packets that say nothing are left out; losses are the client's to conceal.
    private func passThrough(_ output: JitterBufferOutput, of track: StreamDecoder, now: Instant) {
        switch output {
        case .packet(let packet, _):
            // What begins must not be taken for the silence before it.
            let isStart = !track.gate.isOpen || now.nanoseconds(since: track.lastArrival) > flushAfter
            guard let opus = OpusPacket(packet.payload) else { return }
            // What the sender says costs nothing; a packet is decoded only for one that says nothing.
            let told = packet.audioLevel.map { SoundLevel.rootMeanSquare(audioLevel: $0.negatedDecibels) }
            guard let loudness = told ?? packetMeter.loudness(of: packet.payload, opus, isExact: isStart) else {
                return
            }
            track.note(rootMeanSquare: loudness, samples: opus.sampleCount, now: now)
            guard track.gate.isOpen, !opus.isDiscontinuous else { return stage.flush() }
            lastOutput = max(lastOutput, now)
            stage.pass(opus: packet.payload)
        case .silence(let samples):
            track.notePause(samples: samples)
            stage.flush()
        // A packet must not hold sound that was not one behind the other.
        case .lost: stage.flush()
        }
    }

    /// Mixes what is due and sends unfinished frames that have waited too long.
    package func tick(now: Instant) {
        let audibleCount = audibleCount(now: now)
        if audibleCount > 1 {
            let frameSamples = codingRate / 50
            var due = 1
            if let lastMix { due = Int(now.nanoseconds(since: lastMix) / tickLength) }
            // After a long stall the past is not mixed: the rings hold no more anyway.
            due = min(due, 10)
            if due > 0 {
                lastMix = lastMix.map { due == 10 ? now : $0.advanced(byNanoseconds: tickLength * Int64(due)) } ?? now
            }
            for _ in 0..<due { mix(frameSamples, now: now) }
        } else {
            lastMix = nil
            drainMix(keeping: audibleCount == 0 ? nil : tracks.first { $0.gate.isOpen })
        }
        for track in tracks {
            // A sender that is silent sends little, as with DTX, or nothing: a mute, or the end.
            if now.nanoseconds(since: track.lastSound) > silenceHangover, track.gate.isOpen { track.closeGate() }
            if now.nanoseconds(since: track.lastArrival) > idleCoderLife { track.releaseDecoder() }
        }
        if stage.hasUnfinishedFrame, now.nanoseconds(since: lastOutput) > flushAfter { stage.flush() }
        stage.handleTimeout(now: now)
    }

    /// Sends pieces that are due.
    package func handleTimeout(now: Instant) { stage.handleTimeout(now: now) }

    /// The reply is over: sends all of it that waits.
    package func endReply(now: Instant) {
        stage.endReply(now: now)
        hasWaitingVoice = false
    }

    private func mix(_ count: Int, now: Instant) {
        if trackFrame.count != count { trackFrame = [Int16](repeating: 0, count: count) }
        let primed = limits.mixingDelay.samplesAt48kHz * codingRate / 48_000
        mixer.begin(count: count)
        var hasSound = false
        var hasVoice = false
        for track in tracks {
            if !track.isPrimed { track.isPrimed = track.waiting.count >= primed }
            guard track.isPrimed else { continue }
            hasSound = true
            // A track that has run out adds what it has and fills up again before it goes on.
            if track.waiting.count < count { track.isPrimed = false }
            track.waiting.peek(into: &trackFrame)
            track.waiting.drop(count)
            mixer.add(trackFrame.span)
            hasVoice = hasVoice || track.role == .voice
        }
        guard hasSound else { return }
        mixer.finish(into: &mixed)
        // A reference of its own keeps the samples in place while the sound goes on from here.
        let frame = mixed
        emit(frame.span, isVoice: hasVoice, now: now)
    }

    /// Back to a single voice: what it has waiting for the mix goes out in front of what comes now. What others have
    /// waiting is the silence at their ends.
    private func drainMix(keeping last: StreamDecoder?) {
        for track in tracks where !track.waiting.isEmpty {
            if track === last {
                var left = [Int16](repeating: 0, count: track.waiting.count)
                if track.waiting.pop(into: &left) {
                    emit(left.span, isVoice: track.role == .voice, now: lastOutput)
                }
            }
            track.waiting.removeAll()
            track.isPrimed = false
        }
    }

    private func emit(_ samples: Span<Int16>, isVoice: Bool, now: Instant) {
        lastOutput = max(lastOutput, now)
        if isVoice { hasWaitingVoice = true }
        stage.append(samples, now: lastOutput)
        if !stage.hasSound { hasWaitingVoice = false }
    }

    // MARK: Interruption

    /// Throws away everything that has not been sent. Of voices nothing follows but what is sound for certain.
    package func discard() {
        stage.discard()
        hasWaitingVoice = false
        for track in tracks {
            track.waiting.removeAll()
            track.isPrimed = false
            if track.role == .voice { track.closeGate() }
        }
    }

    /// The client has asked the agent to stop: no voice is heard until it has, or until then.
    package func suppressVoices(until: Instant) {
        suppression = .requested(until: until)
        for track in tracks where track.role == .voice { track.closeGate() }
    }

    /// The agent has stopped in the middle: what is still on its way is not heard.
    package func noteInterruption(now: Instant) { suppression = .stopped(until: now + limits.soundInFlight) }

    /// The agent begins to speak, or does not speak any more.
    package func noteAgent(isSpeaking: Bool, now: Instant) {
        switch suppression {
        case .requested: if !isSpeaking { noteInterruption(now: now) }
        // It goes on with what was interrupted by a noise.
        case .stopped: if isSpeaking { suppression = nil }
        case nil: break
        }
    }

    private func isSuppressed(now: Instant) -> Bool {
        switch suppression {
        case .requested(let until), .stopped(let until):
            if now < until { return true }
            suppression = nil
            return false
        case nil: return false
        }
    }
}
