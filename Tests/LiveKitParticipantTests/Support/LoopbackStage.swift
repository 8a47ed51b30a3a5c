import EventLoops
import HTTP
import LiveKitParticipant
import Observability
import PeerConnection
import SecureTransport
import Signalling
import Testing
import WebSocket
import Wire

/// A participant and a scripted room on one loop, with everything that the participant reported.
// SAFETY: used on the loop's thread, or by one task at a time.
final class LoopbackStage: @unchecked Sendable {
    /// What the participant reported, on the loop.
    final class Recorder: RoomParticipantDelegate, TrackSink {
        /// Each event in a few words.
        var events: [String] = []
        var sound: [[UInt8]] = []
        /// Why it ended, if it failed.
        var failure: ParticipantError?
        var onChange: () -> Void = {}
        var onEvent: (RoomParticipant, ParticipantEvent) -> Void = { _, _ in }

        func participant(_ participant: RoomParticipant, event: ParticipantEvent) {
            if let words = Self.words(event) { events.append(words) }
            if case .disconnected(.failed(let error)) = event { failure = error }
            if case .trackSubscribed(let track) = event { track.play(into: self) }
            onEvent(participant, event)
            onChange()
        }

        func receive(_ output: JitterBufferOutput) {
            if case .packet(let packet, _) = output { sound.append([UInt8](copying: packet.payload)) }
            onChange()
        }

        static func words(_ event: ParticipantEvent) -> String? {
            switch event {
            case .joined(let room, let local): "joined \(room.name) as \(local.sid)"
            case .connected: "connected"
            case .room(let change): words(change)
            case .trackSubscribed(let track): "subscribed \(track.sid) of \(track.participantIdentity)"
            case .trackUnsubscribed(let track): "unsubscribed \(track.sid)"
            case .microphonePublished(let track): "published \(track.sid)"
            case .microphoneRefused: "refused"
            case .microphoneMuted(let isMuted): "server muted \(isMuted)"
            case .microphoneSubscribed: "heard"
            case .data(let message):
                "data \(message.topic) \(String(decoding: message.payload, as: UTF8.self)) from \(message.senderIdentity)"
                    + (message.isReliable ? "" : " lossy")
            case .chat(let message, let sender): "chat \(message.message) from \(sender)"
            case .dtmf(let key, let sender): "key \(key.digit) from \(sender)"
            case .stream(.closed(let info, _, let failure)):
                "stream \(info.topic) \(failure.map { "\($0)" } ?? "complete")"
            case .stream(.text(let text, let info)): "text \(info.topic) \(text.count)"
            case .stream: nil
            case .transcript(let update): "transcript \(update.identity) \(update.text) \(update.isFinal)"
            case .rpc(let invocation): "call \(invocation.method) \(invocation.payload)"
            case .encryption(let news): "\(news)"
            case .mediaFlows: nil
            // Whether it comes depends on how busy the machine is.
            case .mediaDelayed: nil
            case .reconnecting: "reconnecting"
            case .reconnected(let isNewSession): "reconnected \(isNewSession ? "anew" : "as before")"
            case .disconnected(let ending): "disconnected \(ending)"
            }
        }

        static func words(_ change: RoomChange) -> String? {
            switch change {
            case .participantJoined(let info): "joined \(info.identity)"
            case .participantLeft(let info, let reason): "left \(info.identity) \(reason.name)"
            case .attributesChanged(let info, let changed): "attributes \(info.identity) \(changed)"
            case .localParticipantChanged(let info): "own attributes \(info.attributes)"
            default: nil
            }
        }
    }

    let loop: EventLoop
    private var recorderOnLoop: Recorder!
    private var roomOnLoop: ScriptedRoom!
    private var participantOnLoop: RoomParticipant!
    private let waiter: Waiter
    /// Whom the server says to have the participant's identity, by SID; nil for nobody. Belongs to the loop.
    var occupant: String?

    var recorder: Recorder { recorderOnLoop }
    var room: ScriptedRoom { roomOnLoop }
    var participant: RoomParticipant { participantOnLoop }
    var microphone: PublishedTrack { participant.publishMicrophone() }

    private init() throws {
        loop = try EventLoop(name: "participant")
        waiter = Waiter(loop)
    }

    /// Sets the stage, lets `act` play on it, and clears it away. `prepare` runs on the loop before the participant
    /// connects.
    static func play(
        server: HTTPURL? = nil, configure: @escaping @Sendable (inout ParticipantConfiguration) -> Void = { _ in },
        prepare: @escaping @Sendable (LoopbackStage) -> Void = { _ in },
        act: (LoopbackStage) async throws -> Void
    ) async throws {
        let stage = try LoopbackStage()
        try stage.loop.start()
        try await stage.onLoop { stage in
            let factory = try OpenSSLTransportFactory()
            let recorder = Recorder()
            let room = try ScriptedRoom(loop: stage.loop, factory: factory)
            let url = server ?? HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: room.port))
            var configuration = ParticipantConfiguration(server: url, token: "first-token")
            configure(&configuration)
            stage.recorderOnLoop = recorder
            stage.roomOnLoop = room
            stage.participantOnLoop = RoomParticipant(
                loop: stage.loop,
                environment: ParticipantEnvironment(
                    webSockets: WebSocketContext(loop: stage.loop), transports: factory, authentication: .openSSL,
                    occupancy: { [unowned stage] _, _, completion in completion(stage.occupant) }),
                random: SecureRandom(), configuration: configuration, log: .silent)
            stage.participant.delegate = recorder
            recorder.onChange = { [waiter = stage.waiter] in waiter.check() }
            room.onChange = { [waiter = stage.waiter] in waiter.check() }
            prepare(stage)
            stage.participant.connect()
        }
        do {
            try await act(stage)
        } catch {
            await stage.clear()
            throw error
        }
        await stage.clear()
    }

    private func clear() async {
        try? await onLoop { stage in
            stage.participant.leave()
            stage.room.close()
        }
        // What is sent last goes out at the end of the iteration.
        try? await onLoop { _ in }
        let isGone = try? await onLoop { stage in
            weak let participant = stage.participantOnLoop
            stage.participantOnLoop = nil
            stage.roomOnLoop = nil
            return participant == nil
        }
        #expect(isGone == true, "the participant is held by something")
        await waiter.end()
    }

    /// Runs `body` on the loop and gives its result.
    @discardableResult
    func onLoop<Result: Sendable>(_ body: @escaping @Sendable (LoopbackStage) throws -> Result) async throws -> Result {
        try await waiter.onLoop { try body(self) }
    }

    /// Waits until `condition` holds; it is looked at after each event.
    func until(_ what: String, _ condition: @escaping @Sendable (LoopbackStage) -> Bool) async throws {
        try await waiter.until(what, condition: { condition(self) }, story: { "\(self.recorder.events)" })
    }

    /// Waits for an event.
    func until(_ event: String) async throws { try await until(event) { $0.recorder.events.contains(event) } }
}
