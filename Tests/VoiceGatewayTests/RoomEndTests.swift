import Bridge
import LiveKitParticipant
import PeerConnection
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("What the end of a participant means to its session") struct RoomEndTests {
    private func event(_ ending: ParticipantEnding, joined: Bool, ownToken: Bool = false) -> RoomEvent? {
        RoomEvent(ending, hasJoined: joined, hasOwnToken: ownToken)
    }

    @Test("a room that stays away in the middle of a call is a lost connection")
    func lost() {
        for kind in [ParticipantError.Kind.reconnectFailed, .unauthorized, .negotiationFailed] {
            guard case .ended(.connectionLost) = event(.failed(ParticipantError(kind)), joined: true) else {
                Issue.record("\(kind) is something else")
                continue
            }
        }
    }

    @Test("media that comes up by no way is for whoever runs the network, with what was tried")
    func unreachable() {
        let tried = [
            ICEPathReport(kind: "UDP", remote: "192.0.2.1:7882", failure: .noAnswer),
            ICEPathReport(kind: "UDP", remote: "192.0.2.1:7883", failure: .noAnswer),
            ICEPathReport(kind: "TCP", remote: "192.0.2.1:7881", failure: .notOpened("connection refused")),
        ]
        guard
            case .ended(.mediaUnreachable(let failure)) = event(
                .failed(ParticipantError(unreachable: tried)), joined: true)
        else { return #expect(Bool(false), "the end does not say so") }
        #expect(failure.blame == Blame.operator && failure.isRetryable)
        #expect(failure.summary.hasSuffix("comes about: UDP: no answer; TCP: connection refused"))
        #expect(failure.detail.hasSuffix("UDP to 192.0.2.1:7883: no answer; TCP to 192.0.2.1:7881: connection refused"))
    }

    @Test("who was never in the room is told why, and whose fault it is")
    func neverJoined() {
        guard case .failed(let failure) = event(.failed(ParticipantError(.unreachable)), joined: false),
            case .failed(let refused) = event(.failed(ParticipantError(.unauthorized)), joined: false, ownToken: true),
            case .failed(let removed) = event(.removed(.serverShutdown), joined: false)
        else { return #expect(Bool(false), "no failures") }
        #expect(failure.blame == .operator && failure.isRetryable)
        #expect(refused.blame == .client && !refused.isRetryable)
        #expect(removed.blame == .room && removed.isRetryable)
    }

    @Test("the server's reason is passed on, and a wanted end is none")
    func reasons() {
        for (reason, end) in [
            (DisconnectReason.roomDeleted, RoomEnd.roomDeleted), (.roomClosed, .roomDeleted),
            (.participantRemoved, .removed), (.duplicateIdentity, .duplicateIdentity),
            (.serverShutdown, .serverShutdown), (.migration, .other("MIGRATION")),
        ] {
            guard case .ended(let told) = event(.removed(reason), joined: true) else {
                Issue.record("\(reason.name) is no end")
                continue
            }
            #expect(told == end)
        }
        #expect(event(.left, joined: true) == nil)
    }
}
