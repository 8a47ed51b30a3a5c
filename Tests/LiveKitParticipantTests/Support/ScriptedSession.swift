import EventLoops
import LiveKitParticipant
import PeerConnection
import SecureTransport
import Signalling
import WebSocket
import Wire

/// The server's end of one participant's session.
final class ScriptedSession: WebSocketHandler {
    static let agentTrack = TrackInfo.with {
        $0.sid = "TR_agent"
        $0.name = "voice"
        $0.source = .microphone
    }
    static let agentVideo = TrackInfo.with {
        $0.sid = "TR_video"
        $0.type = .video
        $0.source = .camera
    }

    private unowned let room: ScriptedRoom
    private let isSingle: Bool
    let sid: String
    let publisher: ScriptedPeer
    let subscriber: ScriptedPeer?
    private(set) var socket: WebSocketConnection?
    private var isResuming = false
    /// All that the client said, in order.
    private(set) var received: [SignalRequest.Message] = []
    /// Payloads of the client's microphone, as they came.
    private(set) var sound: [[UInt8]] = []
    /// SSRCs and timestamps of the same packets.
    private(set) var clock: [(ssrc: UInt32, timestamp: UInt32)] = []
    private var wantsAgent = false
    private var agentSection: Int?
    private var version: UInt32 = 1
    /// The highest reliable sequence number seen.
    private(set) var lastSequence: UInt32 = 0
    /// Data packets are dropped unseen until the next resume.
    var losesData = false

    init(room: ScriptedRoom, isSingle: Bool, sid: String) {
        self.room = room
        self.isSingle = isSingle
        self.sid = sid
        publisher = ScriptedPeer(room.loop, room.factory)
        subscriber = isSingle ? nil : ScriptedPeer(room.loop, room.factory)
        publisher.onPacket = { [unowned self] in forward($0) }
        publisher.onMessage = { [unowned self] in echo($0, reliable: $1) }
        subscriber?.connection.openServerChannels(now: room.loop.now)
    }

    func start(_ upgrade: WebSocketUpgrade) { upgrade.accept(self) }

    func resume(_ upgrade: WebSocketUpgrade) {
        socket?.terminate()
        socket = nil
        isResuming = true
        losesData = false
        upgrade.accept(self)
    }

    func close() {
        socket?.terminate()
        publisher.close()
        subscriber?.close()
    }

    // MARK: Signalling

    func send(_ message: SignalResponse.Message) {
        socket?.send(binary: SignalResponse.with { $0.message = message }.encoded(), .required)
    }

    var local: ParticipantInfo {
        .with {
            $0.sid = sid
            $0.identity = "me"
            $0.state = .joined
            $0.version = version
        }
    }

    static func agent(version: UInt32 = 1, _ fill: (inout ParticipantInfo) -> Void = { _ in }) -> ParticipantInfo {
        var info = ParticipantInfo()
        info.sid = "PA_agent"
        info.identity = "agent"
        info.kind = .agent
        info.state = .active
        info.version = version
        info.tracks = [agentTrack, agentVideo]
        fill(&info)
        return info
    }

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        guard !room.isSilent else { return }
        if isResuming {
            send(.reconnect(.with { $0.lastMessageSeq = lastSequence }))
            send(.update(.with { $0.participants = [local, Self.agent()] }))
            if let subscriber { send(.offer(subscriber.offer(iceRestart: true))) }
            return
        }
        send(
            .join(
                .with {
                    $0.room = .with {
                        $0.sid = "RM_1"
                        $0.name = "room"
                    }
                    $0.participant = local
                    $0.otherParticipants = [Self.agent()]
                    $0.pingInterval = 5
                    $0.pingTimeout = 15
                    $0.subscriberPrimary = !isSingle
                    $0.fastPublish = true
                }))
        send(.refreshToken("newer-token"))
        if let subscriber {
            _ = subscriber.connection.addDataSection()
            send(.offer(subscriber.offer()))
        }
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {}

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        guard let message = (try? SignalRequest(decoding: [UInt8](copying: bytes)))?.message else { return }
        received.append(message)
        handle(message)
        room.onChange()
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        if self.socket === socket { self.socket = nil }
    }

    private func handle(_ message: SignalRequest.Message) {
        switch message {
        case .offer(let offer): answer(offer)
        case .answer(let answer): try? subscriber?.connection.acceptAnswer(answer.sdp, now: room.loop.now)
        case .addTrack(let request):
            send(
                .trackPublished(
                    .with {
                        $0.cid = request.cid
                        $0.track = .with {
                            $0.sid = "TR_\(sid)"
                            $0.name = request.name
                            $0.source = request.source
                            $0.muted = request.muted
                        }
                    }))
        case .subscription(let subscription) where subscription.trackSids.contains("TR_agent"):
            wantsAgent = true
            if let subscriber {
                agentSection = subscriber.addTrack()
                send(.offer(subscriber.offer()))
            } else {
                send(.mediaSectionsRequirement(MediaSectionsRequirement()))
            }
            send(.trackSubscribed(.with { $0.trackSid = "TR_\(sid)" }))
        case .pingReq(let ping):
            send(.pongResp(.with { $0.lastPingTimestamp = ping.timestamp }))
        case .updateMetadata(let request):
            version += 1
            send(
                .requestResponse(
                    .with {
                        $0.requestId = request.requestId
                        $0.request = .updateMetadata(request)
                    }))
            var info = local
            info.attributes = request.attributes
            send(.update(.with { $0.participants = [info] }))
        case .leave: socket?.close()
        default: break
        }
    }

    private func answer(_ offer: SignalDescription) {
        do {
            try publisher.connection.acceptOffer(offer.sdp, now: room.loop.now)
            if isSingle, wantsAgent, agentSection == nil,
                let free = publisher.connection.sections.first(where: \.isFreeForSending)
            {
                agentSection = free.index
                publisher.connection.setLocalTrack(publisher.agentTrack(), on: free.index, now: room.loop.now)
            }
            let sdp = try publisher.connection.createAnswer(now: room.loop.now)
            publisher.update()
            send(
                .answer(
                    .with {
                        $0.type = "answer"
                        $0.sdp = sdp
                        $0.id = offer.id
                        if let agentSection, isSingle {
                            $0.midToTrackId = [publisher.connection.sections[agentSection].mid: "TR_agent"]
                        }
                    }))
        } catch {
            send(.leave(.with { $0.reason = .stateMismatch }))
        }
    }

    // MARK: The agent

    private func forward(_ packet: ReceivedRTPPacket) {
        sound.append([UInt8](copying: packet.payload))
        clock.append((packet.ssrc, packet.timestamp))
        guard let agentSection else { return }
        (subscriber ?? publisher).connection.forward(packet, on: agentSection, now: room.loop.now)
        room.onChange()
    }

    private func echo(_ bytes: [UInt8], reliable: Bool) {
        guard !losesData, var packet = try? DataPacket(decoding: bytes) else { return }
        if packet.sequence != 0, packet.sequence <= lastSequence { return }
        lastSequence = max(lastSequence, packet.sequence)
        packet.participantIdentity = "agent"
        packet.participantSid = "PA_agent"
        if case .rpcRequest(let request) = packet.value {
            deliver(.with { $0.value = .rpcAck(.with { $0.requestId = request.id }) }, reliable: true)
            packet.value = .rpcResponse(
                .with {
                    $0.requestId = request.id
                    $0.value = .payload("\(request.method):\(request.payload)")
                })
        }
        deliver(packet, reliable: reliable)
    }

    /// Sends a packet to the client, as from the agent.
    func deliver(_ packet: DataPacket, reliable: Bool = true) {
        (subscriber ?? publisher).send(packet.encoded(), reliable: reliable)
    }
}
