internal import ClientProtocol
internal import Observability
internal import PeerConnection
internal import Wire

/// The sound of a session in both directions, from start to end: the caller's way up, the agent's way down, and how the
/// client wants it delivered. Wakes by itself when a piece for a client that plays files is due. Belongs to one loop.
final class AudioPath {
    /// Half a second of ticks.
    private static let ticksBetweenReports = 25
    /// Tracks that wait for sound, at most.
    private static let maximumSubscriptions = 20_000

    /// Nil when the session has ended: coders are given back at once.
    private(set) var uplink: Uplink?
    private(set) var downlink: Downlink?
    private(set) var delivery: SoundDelivery
    private var input: AudioFormat
    /// Counts in place of it while the client sends a file.
    private var fileFormat: AudioFormat?
    private let environment: SessionEnvironment
    private weak var room: (any RoomConnection)?
    /// When the packet came that is being played; nil while none is.
    private var packetArrival: Instant?
    /// Ticks until the room is asked again what it loses.
    private var ticksToReport = 0
    private var link = LinkAdaptation()
    private var linkRecord = LinkRecord()
    /// How much of the caller's sound waits, as the process has it, in milliseconds.
    private var countedWaiting = 0
    private var pieceTimer: (any SessionTimer)?
    private var pieceDeadline: Instant?
    private var reportedDrop = (samples: 0, at: Instant?.none)
    private let startedAt: Instant
    /// The microphone has been published.
    private var isPublished = false
    private let failures: CodingFailures
    private var playbacks: [String: TrackPlayback] = [:]
    /// Those that have a decoder.
    private var decoded: [TrackPlayback] = []
    /// When a track without a decoder may look for one again.
    private var nextLook = Instant.zero
    /// Sound was passed over because too many tracks have some: the client has still to be told, or has been.
    private var hasPassedOver = false
    private var hasToldOfTracks = false
    private var finalNumbers = SessionStatistics()

    /// - Parameter session: the id under which failures are logged.
    init(
        input: AudioFormat, delivery: SoundDelivery, environment: SessionEnvironment, session: String,
        sink: any DownlinkSink
    ) throws(AudioCoderFailure) {
        self.delivery = delivery
        self.input = input
        failures = CodingFailures(meter: environment.meter, log: environment.log?.with(["session": session]))
        self.environment = environment
        let limits = environment.configuration.limits
        let now = environment.clock.now
        startedAt = now
        let uplink = try Uplink(format: input, limits: limits, coders: environment.coders, failures: failures, now: now)
        uplink.count(by: environment.meter)
        self.uplink = uplink
        downlink = try Downlink(
            format: delivery.format, cutting: delivery.cutting, passesAmbience: delivery.passesAmbience, limits: limits,
            coders: environment.coders, failures: failures, sink: sink, now: now)
    }

    private var now: Instant { environment.clock.now }

    /// The caller's packets go to this room from now on.
    func connect(to room: any RoomConnection) {
        self.room = room
        uplink?.connect(to: room)
    }

    /// Gives back everything but the numbers.
    func close() {
        noteLink()
        count(waiting: 0)
        finalNumbers = numbers
        pieceTimer?.cancel()
        pieceTimer = nil
        for playback in playbacks.values { playback.end() }
        playbacks = [:]
        decoded = []
        uplink = nil
        downlink = nil
    }

    /// What went up and down so far.
    var numbers: SessionStatistics {
        guard let uplink, let downlink else { return finalNumbers }
        var numbers = SessionStatistics()
        numbers.packetsSent = uplink.packetsSent
        numbers.packetsSuppressed = uplink.packetsSuppressed
        numbers.uplinkSamples = uplink.samplesSent
        numbers.uplinkDropped = uplink.samplesDropped
        numbers.uplinkSkipped = uplink.samplesSkipped
        numbers.longestUplinkDelay = uplink.longestDelay
        numbers.uplinkLostPackets = linkRecord.up.lostPackets
        numbers.uplinkJitter = Int(linkRecord.up.greatestJitter.milliseconds)
        numbers.downlinkLostPackets = linkRecord.down.lostPackets
        numbers.downlinkJitter = Int(linkRecord.down.greatestJitter.milliseconds)
        numbers.packetsReceived = downlink.packetsReceived
        numbers.downlinkConcealed = downlink.concealed
        numbers.downlinkRecovered = downlink.recovered
        numbers.undecodable = downlink.undecodable
        numbers.codingFailures = failures.count
        return numbers
    }

    /// The caller's sound that waits.
    var queuedMilliseconds: Int { uplink?.queuedMilliseconds ?? 0 }

    /// How many ms of the caller's sound do not wait any more.
    var playedMilliseconds: Int { (uplink?.finishedSamples ?? 0) / 48 }

    /// Whether the agent's voice is heard at the moment, or just was.
    ///
    /// - Parameter hasState: the agent shows what it does, so that a noise in its voice need not be taken for speech.
    func isVoiceHeard(hasState: Bool) -> Bool {
        guard let downlink else { return false }
        return hasState ? downlink.isVoiceSpeaking(now: now) : downlink.isVoiceAudible
    }

    /// Whether somebody in the room speaks at the moment, or just has.
    var isAnyoneSpeaking: Bool { downlink?.isAnyoneSpeaking(now: now) == true }

    /// Whether there is a voice in the sound that is being sent.
    var hasVoice: Bool { downlink?.hasVoice == true }

    /// When the caller was last heard to speak.
    var lastSpeech: Instant? { uplink?.detector.lastSpeech }

    /// Does what another part of the session asks for; returns what the client has to be told of what became of its
    /// sound.
    func perform(_ order: SoundOrder) throws(AudioCoderFailure) -> [ClientError] {
        switch order {
        case .bytes(let bytes): return receive(bytes.span.bytes)
        case .recordedPacket(let bytes):
            return report(isSound: uplink?.append(opus: bytes.span.bytes, isRecorded: true, now: now))
        case .recording(let file):
            do throws(AudioCoderFailure) {
                try uplink?.append(recording: file, now: now)
            } catch {
                return [ClientError(.invalidAudio, error.message)]
            }
            return report(isSound: true)
        case .start:
            if !isPublished { environment.meter?.published(after: now - startedAt) }
            isPublished = true
            if uplink?.isMuted == true { room?.setMuted(true) }
            uplink?.start(now: now)
        case .hold: uplink?.hold(now: now)
        case .release: uplink?.release(now: now)
        case .mute(let isMuted):
            uplink?.setMuted(isMuted, now: now)
            room?.setMuted(isMuted)
        case .endTurn: uplink?.endTurn(now: now)
        case .removeTrack(let track): remove(track)
        case .muteTrack(let track, let isMuted):
            playbacks[track]?.isMuted = isMuted
            downlink?.setMuted(track, isMuted)
        case .endReply: downlink?.endReply(now: now)
        case .discard: downlink?.discard()
        case .suppress(let isSpeaking):
            guard isVoiceHeard(hasState: false) || isSpeaking else { break }
            downlink?.suppressVoices(until: now + environment.configuration.limits.interruptionSilence)
        case .noteInterruption: downlink?.noteInterruption(now: now)
        case .noteAgent(let isSpeaking): downlink?.noteAgent(isSpeaking: isSpeaking, now: now)
        case .assignRoles(let roles):
            for (track, role) in roles {
                playbacks[track]?.role = role
                downlink?.setRole(track, role)
            }
        case .fileFormat(let format):
            fileFormat = format
            try uplink?.change(format: format ?? input, now: now)
        case .change(let input, let new):
            self.input = input
            try uplink?.change(format: fileFormat ?? input, now: now)
            guard new != delivery else { break }
            try downlink?.change(
                format: new.format, cutting: new.cutting, passesAmbience: new.passesAmbience, now: now)
            for playback in decoded {
                if let decoder = downlink?.decoder(of: playback.track.sid) { playback.decoder = decoder }
            }
            delivery = new
        }
        return []
    }

    // MARK: Up

    /// Takes bytes in the input format, or one packet when that is Opus. They are not needed after the call. Returns
    /// what the client has to be told.
    func receive(_ bytes: RawSpan) -> [ClientError] {
        report(isSound: uplink?.append(bytes, now: now))
    }

    private func report(isSound: Bool?) -> [ClientError] {
        var errors: [ClientError] = []
        if isSound == false {
            errors.append(ClientError(.invalidAudio, "this message is not an Opus packet (RFC 6716)"))
        }
        if let dropped = takeDropReport() { errors.append(dropped) }
        return errors
    }

    /// What the client has to be told of sound that gave way; nil when nothing new did, or when it has just been told.
    private func takeDropReport() -> ClientError? {
        guard let uplink, uplink.samplesDropped > reportedDrop.samples, let drop = uplink.lastDrop else { return nil }
        let now = now
        if let last = reportedDrop.at, now - last < environment.configuration.limits.dropReportInterval { return nil }
        let milliseconds = (uplink.samplesDropped - reportedDrop.samples) / 48
        reportedDrop = (uplink.samplesDropped, now)
        let what = "\(milliseconds) ms of the oldest sound were dropped"
        let limit = drop.limit.components.seconds
        // Sound that nobody hears is not the client's fault.
        return drop.isHeld
            ? ClientError(
                .audioDropped, "\(what): nobody in the room hears the caller, and \(limit) s at most are kept",
                blame: .room)
            : ClientError(.audioDropped, "\(what): more than \(limit) s wait to be played into the room")
    }

    // MARK: Down

    /// Plays a track from now on. Only so many are decoded at a time; one more is as soon as it has sound while another one has
    /// none.
    func add(_ track: any RoomTrack) throws(AudioCoderFailure) {
        guard playbacks[track.sid] == nil, playbacks.count < Self.maximumSubscriptions else { return }
        let playback = TrackPlayback(track, path: self)
        playbacks[track.sid] = playback
        try decode(playback)
    }

    private func decode(_ playback: TrackPlayback) throws(AudioCoderFailure) {
        let track = playback.track
        playback.decoder = try downlink?.addTrack(
            track.sid, participant: track.participantIdentity, role: playback.role, now: now)
        guard playback.decoder != nil else { return }
        playback.lastHeard = now
        decoded.append(playback)
        if playback.isMuted { downlink?.setMuted(track.sid, true) }
    }

    private func remove(_ sid: String) {
        playbacks.removeValue(forKey: sid)?.end()
        decoded.removeAll { $0.track.sid == sid }
        downlink?.removeTrack(sid)
    }

    /// A decoder for a track that has had none and has sound now: a free one, or that of the track which has been silent
    /// for longest.
    private func decoder(for playback: TrackPlayback, _ sound: JitterBufferOutput) -> StreamDecoder? {
        guard !playback.isMuted, sound.isAudible, let limit = downlink?.maximumTracks else { return nil }
        if decoded.count >= limit {
            guard let silent = silentTrack() else {
                environment.meter?.passedOver()
                if decoded.allSatisfy({ $0.decoder?.gate.isOpen == true }) { hasPassedOver = true }
                return nil
            }
            silent.decoder = nil
            decoded.removeAll { $0 === silent }
            downlink?.removeTrack(silent.track.sid)
        }
        // What it has no memory for is counted where decoders are made.
        try? decode(playback)
        return playback.decoder
    }

    /// The decoded track that has been silent for longest, and for long enough.
    private func silentTrack() -> TrackPlayback? {
        // Looked for once a frame, however many tracks wait.
        guard now >= nextLook else { return nil }
        var longest: TrackPlayback?
        for playback in decoded where playback.decoder?.gate.isOpen != true {
            if longest.map({ playback.lastHeard < $0.lastHeard }) ?? true { longest = playback }
        }
        let limits = environment.configuration.limits
        if let longest, now - longest.lastHeard >= limits.silentTrackHold { return longest }
        nextLook = now + limits.tick
        return nil
    }

    /// What the client has to be told once of tracks that it does not hear.
    func takeTrackReport() -> ClientError? {
        guard hasPassedOver, !hasToldOfTracks, let limit = downlink?.maximumTracks else { return nil }
        hasToldOfTracks = true
        return ClientError(
            .tooManyTracks,
            "more than \(limit) tracks of the room have sound at the same time; the others are not heard (MAX_TRACKS)",
            blame: .operator)
    }

    /// Sound of a subscribed track comes: it is counted. `endReceiving` follows. Nil when there is nothing to play it with.
    func beginReceiving(
        _ audio: JitterBufferOutput, _ playback: TrackPlayback
    ) -> (downlink: Downlink, decoder: StreamDecoder, now: Instant)? {
        guard let downlink else { return nil }
        let now = now
        guard let decoder = playback.decoder ?? decoder(for: playback, audio) else { return nil }
        if let meter = environment.meter {
            switch audio {
            case .packet: meter.received()
            case .lost(let samples, _): meter.conceals(samples: samples)
            case .silence: break
            }
        }
        packetArrival = now
        return (downlink, decoder, now)
    }

    /// The sound has been played.
    func endReceiving(_ playback: TrackPlayback, _ decoder: StreamDecoder) {
        packetArrival = nil
        if decoder.gate.isOpen { playback.lastHeard = now }
        followPieces()
    }

    /// A message of sound has been given to the client.
    func noteSent() {
        if let packetArrival { environment.meter?.played(arrival: packetArrival) }
    }

    /// 20 ms have passed. Returns how many turns of the caller have been played to their end.
    func tick(now: Instant) -> Int {
        guard let uplink, let downlink else { return 0 }
        followLosses(uplink)
        let playedTurns = uplink.takePlayedTurns(now: now)
        uplink.pump(now: now)
        downlink.tick(now: now)
        followPieces()
        return playedTurns
    }

    /// The room's reports come every few seconds, and the way to them is long.
    private func followLosses(_ uplink: Uplink) {
        ticksToReport -= 1
        guard ticksToReport <= 0, let room else { return }
        ticksToReport = Self.ticksBetweenReports
        noteLink()
        count(waiting: uplink.queuedMilliseconds)
        let loss = room.reportedLossPercent
        uplink.expect(lossPercent: loss)
        let wasThin = link.isThin
        link.note(lossPercent: loss, now: now)
        // The room may be another one than half a second ago.
        room.allowsRedundancy = !link.isThin
        guard link.isThin != wasThin else { return }
        uplink.send(over: link.isThin ? .thin : .wide)
        if link.isThin { environment.meter?.thinned() }
    }

    private func noteLink() {
        if let quality = room?.linkQuality { linkRecord.note(quality, environment.meter) }
    }

    private func count(waiting milliseconds: Int) {
        environment.meter?.waits(more: milliseconds - countedWaiting)
        countedWaiting = milliseconds
    }

    /// Wakes up when the next piece is due: a tick later the client may have run dry.
    private func followPieces() {
        guard let deadline = downlink?.nextDeadline else { return }
        if pieceTimer == nil {
            pieceTimer = environment.clock.makeTimer { [weak self] in
                guard let self else { return }
                downlink?.handleTimeout(now: now)
                followPieces()
            }
        }
        guard deadline != pieceDeadline else { return }
        pieceDeadline = deadline
        pieceTimer?.arm(at: deadline)
    }
}
