internal import EventLoops
internal import Observability
internal import Signalling
internal import Wire

/// What a room's host tells about its room.
protocol RoomHostDelegate: AnyObject {
    func room(_ host: RoomHost, joined participant: ParticipantInfo)
    func room(_ host: RoomHost, published participant: ParticipantInfo)
    func room(_ host: RoomHost, left participant: ParticipantInfo)
    func roomClosed(_ host: RoomHost)
}

/// One room with its members and media: carries out what the pure `Room` decides.
final class RoomHost {
    private(set) var room: Room
    private let environment: ServerEnvironment
    private weak var delegate: (any RoomHostDelegate)?
    private var members: [String: any MemberConnection] = [:]
    private var tracks: [String: ForwardedTrack] = [:]
    private var timer: LoopTimer?
    private var speakerTimer: LoopTimer?
    private var qualityTimer: LoopTimer?
    private var isDraining = false
    let log: Log

    init(_ environment: ServerEnvironment, room: Room, delegate: any RoomHostDelegate) {
        self.environment = environment
        self.room = room
        self.delegate = delegate
        log = environment.log.with(["room": room.name])
        timer = LoopTimer(loop: environment.loop) { [unowned self] in
            perform { $0.handleTimeout(environment.time) }
        }
        speakerTimer = LoopTimer(loop: environment.loop) { [unowned self] in measureSpeakers() }
        qualityTimer = LoopTimer(loop: environment.loop) { [unowned self] in measureQuality() }
        qualityTimer?.arm(after: ConnectionQualityMeter.interval)
        drain()
    }

    var time: ServerTime { environment.time }

    /// Changes the room, and carries out what follows from it.
    @discardableResult
    func perform<Result, Failure: Error>(_ change: (inout Room) throws(Failure) -> Result) throws(Failure) -> Result {
        let result: Result
        do throws(Failure) {
            result = try change(&room)
        } catch {
            drain()
            throw error
        }
        drain()
        return result
    }

    /// Lets a member in. `makeMember` is called with its SID before anything is sent to it.
    func join(_ request: ParticipantJoin, makeMember: (String) -> any MemberConnection) throws(RoomJoinError) -> String
    {
        let sid = try room.join(request, environment.time)
        members[sid] = makeMember(sid)
        log.info("participant joined", ["identity": request.identity, "sid": sid])
        drain()
        return sid
    }

    func member(_ sid: String) -> (any MemberConnection)? { members[sid] }

    func member(identity: String) -> (any MemberConnection)? {
        room.participant(identity: identity).flatMap { members[$0.sid] }
    }

    // MARK: Tracks

    /// A member's media section was negotiated. Returns the track to feed, nil when none was announced.
    func trackNegotiated(_ sid: String, cid: String, mid: String, isRedundant: Bool = false) -> ForwardedTrack? {
        // The track has to be there before others are attached to it.
        guard let track = room.trackNegotiated(sid, cid: cid, mid: mid, isRedundant: isRedundant) else { return nil }
        let forwarded = tracks[track] ?? ForwardedTrack(sid: track, publisher: sid)
        tracks[track] = forwarded
        if speakerTimer?.isArmed == false { speakerTimer?.arm(after: AudioLevelMeter.window) }
        drain()
        return forwarded
    }

    private func measureSpeakers() {
        var levels: [String: Float] = [:]
        for track in tracks.values {
            levels[track.publisher] = max(levels[track.publisher] ?? 0, track.takeLevel())
        }
        perform { $0.updateSpeakers(levels) }
        if !tracks.isEmpty { speakerTimer?.advance(by: AudioLevelMeter.window) }
    }

    private func measureQuality() {
        var qualities: [String: ConnectionQuality] = [:]
        for (sid, member) in members { qualities[sid] = member.takeQuality() }
        perform { $0.updateQualities(qualities) }
        qualityTimer?.advance(by: ConnectionQualityMeter.interval)
    }

    // MARK: Carrying out

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        while let output = room.poll() { carryOut(output) }
        isDraining = false
        timer?.follow(room.nextDeadline)
    }

    private func carryOut(_ output: RoomOutput) {
        switch output {
        case .signal(let message, let sid): members[sid]?.send(message)
        case .data(let packet, let isReliable, let sid): members[sid]?.send(data: packet, isReliable: isReliable)
        case .attach(let info, _, let subscriber):
            guard let track = tracks[info.sid] else { return }
            members[subscriber]?.attach(track)
        case .detach(let track, let subscriber):
            tracks[track]?.detach(subscriber)
            members[subscriber]?.detach(track: track)
        case .pause(let track, let subscriber, let isPaused):
            members[subscriber]?.pause(track: track, isPaused: isPaused)
        case .end(let sid, let reason):
            for track in tracks.values where track.publisher == sid { tracks[track.sid] = nil }
            log.info("participant left", ["sid": sid, "reason": reason.name])
            members.removeValue(forKey: sid)?.end(reason)
        case .tokenOutdated(let info): members[info.sid]?.renewToken(info)
        case .joined(let participant): delegate?.room(self, joined: participant)
        case .published(let participant): delegate?.room(self, published: participant)
        case .left(let participant): delegate?.room(self, left: participant)
        case .closed:
            timer?.cancel()
            speakerTimer?.cancel()
            qualityTimer?.cancel()
            tracks = [:]
            log.info("room closed")
            delegate?.roomClosed(self)
        }
    }

    /// A track is no longer published.
    func trackEnded(_ sid: String, track: String) {
        perform { $0.trackEnded(sid, track: track) }
        tracks[track] = nil
    }
}
