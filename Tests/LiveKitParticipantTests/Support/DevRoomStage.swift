import DevRoomServer
import EventLoops
import HTTP
import LiveKitParticipant
import Observability
import PeerConnection
import SecureTransport
import Signalling
import WebSocket
import Wire

/// The development room server and any number of participants on one loop.
// SAFETY: used on the loop's thread, or by one task at a time.
final class DevRoomStage: @unchecked Sendable {
    /// A participant and what it reported.
    // SAFETY: used on the loop's thread, or by one task at a time.
    final class Guest: @unchecked Sendable {
        let participant: RoomParticipant
        let recorder = LoopbackStage.Recorder()
        var speaking: LoopTimer?
        var microphone: PublishedTrack { participant.publishMicrophone() }

        init(_ participant: RoomParticipant) { self.participant = participant }
    }

    let loop: EventLoop
    private let waiter: Waiter
    private let server: DevRoomServer
    private let factory: OpenSSLTransportFactory
    private(set) var port: UInt16 = 0
    private var guests: [Guest] = []

    private init() throws {
        loop = try EventLoop(name: "room")
        waiter = Waiter(loop)
        var configuration = DevRoomServer.Configuration()
        configuration.port = 0
        configuration.udpPort = 0
        factory = try OpenSSLTransportFactory()
        server = DevRoomServer(configuration: configuration, loop: loop, log: .silent)
    }

    static func play(_ act: (DevRoomStage) async throws -> Void) async throws {
        let stage = try DevRoomStage()
        try stage.loop.start()
        stage.port = try await stage.server.start().http
        do {
            try await act(stage)
        } catch {
            await stage.clear()
            throw error
        }
        await stage.clear()
    }

    private func clear() async {
        try? await onLoop {
            for guest in self.guests {
                guest.speaking = nil
                guest.participant.leave()
            }
        }
        try? await onLoop {}
        await server.stop()
        try? await onLoop { self.guests = [] }
        await waiter.end()
    }

    @discardableResult
    func onLoop<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await waiter.onLoop(body)
    }

    /// Lets somebody join, publishing a microphone when they shall.
    func join(
        _ identity: String, single: Bool = true, publishes: Bool = true, secret: String = "secret",
        token fill: @escaping @Sendable (inout AccessToken) -> Void = { _ in }
    ) async throws -> Guest {
        try await onLoop {
            var token = AccessToken.with {
                $0.key = "devkey"
                $0.identity = identity
                $0.video = .join(room: "room")
                $0.expiresAt = UnixClock.seconds() + 600
            }
            fill(&token)
            var configuration = ParticipantConfiguration(
                server: HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: self.port)),
                token: token.signed(secret: secret, .openSSL))
            configuration.prefersSinglePeerConnection = single
            let participant = RoomParticipant(
                loop: self.loop,
                environment: ParticipantEnvironment(
                    webSockets: WebSocketContext(loop: self.loop), transports: self.factory,
                    authentication: .openSSL), random: SecureRandom(), configuration: configuration, log: .silent)
            let guest = Guest(participant)
            participant.delegate = guest.recorder
            guest.recorder.onChange = { [waiter = self.waiter] in waiter.check() }
            self.guests.append(guest)
            if publishes { participant.publishMicrophone() }
            participant.connect()
            return guest
        }
    }

    /// Lets a guest send a packet of 20 ms at a time until the end of the test.
    func speak(_ guest: Guest) async throws {
        try await onLoop {
            var number: UInt8 = 0
            var timestamp: UInt32 = 0
            guest.speaking = LoopTimer(loop: self.loop) { [unowned guest] in
                number &+= 1
                timestamp &+= 960
                let packet = RoomParticipantTests.packet(number)
                _ = guest.microphone.send(
                    packet.span.bytes, timestamp: timestamp, level: AudioLevel(negatedDecibels: 10, hasVoice: true))
                guest.speaking?.arm(after: .milliseconds(20))
            }
            guest.speaking?.arm(after: .zero)
        }
    }

    func until(_ what: String, _ condition: @escaping @Sendable () -> Bool) async throws {
        try await waiter.until(
            what, condition: condition,
            story: {
                self.guests.map { "\($0.participant.view.local.identity): \($0.recorder.events)" }.joined(
                    separator: "; ")
            })
    }

    /// Waits until a guest reported something that begins like this.
    func until(_ guest: Guest, _ event: String) async throws {
        try await until(event) { guest.recorder.events.contains { $0.hasPrefix(event) } }
    }
}
