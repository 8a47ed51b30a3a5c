package import ClientProtocol
internal import PeerConnection
package import Wire

/// Where the sound for the client goes.
package protocol DownlinkSink: AnyObject {
    /// Bytes in the output format: one frame, one piece, or one Opus packet. They are not needed after the call.
    func downlink(sound: UnsafeRawBufferPointer)
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
    /// Opus packets pass undecoded, and the last one came a moment ago.
    private var isPassing = false
    /// Tracks of this participant are not heard before this time.
    private var suppressed: (participant: String, until: Instant)?
    private var finishedTracks = (concealed: 0, recovered: 0, undecodable: 0)

    package init(
        format: AudioFormat, cutting: OutputCutting, limits: Limits, coders: any AudioCoderFactory,
        failures: CodingFailures = CodingFailures(), sink: any DownlinkSink, now: Instant
    ) throws(AudioCoderFailure) {
        self.limits = limits
        tickLength = max(1, limits.tick.nanoseconds)
        silenceHangover = limits.silenceHangover.nanoseconds
        flushAfter = limits.flushAfter.nanoseconds
        idleCoderLife = limits.idleCoderLife.nanoseconds
        self.coders = coders
        self.failures = failures
        self.sink = sink
        lastOutput = now
        stage = try OutputStage(format: format, cutting: cutting, coders: coders, failures: failures, sink: sink)
    }

    /// The client wants its sound otherwise. What waits goes out as before; tracks go on.
    package func change(format: AudioFormat, cutting: OutputCutting, now: Instant) throws(AudioCoderFailure) {
        guard let sink else { return }
        let old = stage
        let new = try OutputStage(format: format, cutting: cutting, coders: coders, failures: failures, sink: sink)
        old.endReply(now: now)
        stage = new
        guard new.sampleRate != old.sampleRate else { return }
        let players = tracks
        tracks = []
        for track in players {
            finish(track)
            try addTrack(track.id, participant: track.participant, now: now)
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

    /// Whether something is to be heard at the moment, or just was.
    package var isAudible: Bool {
        isPassing || tracks.contains { $0.gate.isOpen } || stage.hasSound
    }

    /// When `handleTimeout` wants to be called besides the ticks.
    package var nextDeadline: Instant? { stage.nextDeadline }

    // MARK: Tracks

    /// Gives the track a decoder, which its sound comes with; nil when there are too many, or it is there already.
    @discardableResult
    func addTrack(_ id: String, participant: String, now: Instant) throws(AudioCoderFailure) -> StreamDecoder? {
        guard decoder(of: id) == nil, tracks.count < limits.maximumTracks else { return nil }
        let decoder = try StreamDecoder(
            id: id, participant: participant, sampleRate: codingRate, limits: limits, coders: coders,
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
        if !anyoneIsAudible { stage.flush() }
    }

    private func finish(_ track: StreamDecoder) {
        finishedTracks.concealed += track.concealed
        finishedTracks.recovered += track.recovered
        finishedTracks.undecodable += track.undecodable
    }

    package func setMuted(_ id: String, _ isMuted: Bool) {
        guard let track = decoder(of: id) else { return }
        track.isMuted = isMuted
        if isMuted { track.closeGate() }
        if !anyoneIsAudible { stage.flush() }
    }

    private var anyoneIsAudible: Bool { tracks.contains { $0.gate.isOpen } }
    private var audibleCount: Int { tracks.reduce(0) { $0 + ($1.gate.isOpen ? 1 : 0) } }

    // MARK: Sound

    func receive(_ output: JitterBufferOutput, _ track: StreamDecoder, now: Instant) {
        if case .packet = output { packetsReceived += 1 }
        if let suppressed {
            if now >= suppressed.until {
                self.suppressed = nil
            } else if suppressed.participant == track.participant {
                return
            }
        }
        if stage.format.encoding == .opus, tracks.count == 1, !track.isMuted {
            return passThrough(output, now: now)
        }
        let wasOpen = track.gate.isOpen
        track.play(output, now: now) { samples in
            if audibleCount > 1 {
                track.waiting.append(samples)
            } else {
                drainMix(keeping: track)
                emit(samples, now: now)
            }
        }
        if wasOpen, !track.gate.isOpen, !anyoneIsAudible {
            drainMix(keeping: track)
            stage.flush()
        }
    }

    /// Opus to Opus without decoding. Packets that say nothing are left out; losses are the client's to conceal.
    private func passThrough(_ output: JitterBufferOutput, now: Instant) {
        // SAFETY: the bytes are only read during the call.
        guard case .packet(let packet, _) = output, unsafe OpusPacket(packet.payload)?.isDiscontinuous == false else {
            return
        }
        isPassing = true
        lastOutput = max(lastOutput, now)
        unsafe stage.pass(opus: packet.payload)
    }

    /// Mixes what is due and sends unfinished frames that have waited too long.
    package func tick(now: Instant) {
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
            drainMix(keeping: tracks.first { $0.gate.isOpen })
        }
        for track in tracks {
            let quiet = now.nanoseconds(since: track.lastArrival)
            // The packets stopped in the middle: DTX, a mute, or the end.
            if quiet > silenceHangover, track.gate.isOpen { track.closeGate() }
            if quiet > idleCoderLife { track.releaseDecoder() }
        }
        if isPassing, now.nanoseconds(since: lastOutput) > silenceHangover { isPassing = false }
        if stage.hasUnfinishedFrame, now.nanoseconds(since: lastOutput) > flushAfter { stage.flush() }
        stage.handleTimeout(now: now)
    }

    /// Sends pieces that are due.
    package func handleTimeout(now: Instant) { stage.handleTimeout(now: now) }

    /// The reply is over: sends all of it that waits.
    package func endReply(now: Instant) { stage.endReply(now: now) }

    private func mix(_ count: Int, now: Instant) {
        if trackFrame.count != count { trackFrame = [Int16](repeating: 0, count: count) }
        let primed = limits.mixingDelay.samplesAt48kHz * codingRate / 48_000
        mixer.begin(count: count)
        var hasSound = false
        for track in tracks {
            if !track.isPrimed { track.isPrimed = track.waiting.count >= primed }
            guard track.isPrimed else { continue }
            hasSound = true
            // A track that has run out adds what it has and fills up again before it goes on.
            if track.waiting.count < count { track.isPrimed = false }
            track.waiting.peek(into: &trackFrame)
            track.waiting.drop(count)
            mixer.add(trackFrame.span)
        }
        guard hasSound else { return }
        mixer.finish(into: &mixed)
        // A reference of its own keeps the samples in place while the sound goes on from here.
        let frame = mixed
        emit(frame.span, now: now)
    }

    /// Back to a single voice: what it has waiting for the mix goes out in front of what comes now. What others have
    /// waiting is the silence at their ends.
    private func drainMix(keeping last: StreamDecoder?) {
        for track in tracks where !track.waiting.isEmpty {
            if track === last {
                var left = [Int16](repeating: 0, count: track.waiting.count)
                if track.waiting.pop(into: &left) { emit(left.span, now: lastOutput) }
            }
            track.waiting.removeAll()
            track.isPrimed = false
        }
    }

    private func emit(_ samples: Span<Int16>, now: Instant) {
        lastOutput = max(lastOutput, now)
        stage.append(samples, now: lastOutput)
    }

    // MARK: Interruption

    /// Throws away everything that has not been sent.
    package func discard() {
        stage.discard()
        for track in tracks {
            track.waiting.removeAll()
            track.isPrimed = false
        }
    }

    /// Lets nothing of a participant be heard until then, or until `unsuppress`.
    package func suppress(_ participant: String, until: Instant) {
        suppressed = (participant, until)
        for track in tracks where track.participant == participant { track.closeGate() }
    }

    package func unsuppress() { suppressed = nil }
}
