import EventLoops
import LiveKitParticipant
import PeerConnection
import Signalling
import Testing
import WebSocket
import Wire

extension RoomParticipantTests {
    @Test("a packet keeps its place on the media clock, over gaps, mutes, resumes and a new session")
    func mediaClock() async throws {
        try await LoopbackStage.play(prepare: { $0.participant.publishMicrophone() }) { stage in
            func send(_ frame: UInt32, session: String = "PA_me1") async throws {
                let before = try await stage.onLoop { stage -> Int in
                    let count = stage.room.session?.clock.count ?? 0
                    let packet = Self.packet(1)
                    let wasSent = stage.microphone.send(packet.span.bytes, timestamp: frame &* 960, level: nil)
                    #expect(wasSent)
                    return count
                }
                try await stage.until("the packet of \(frame)") { stage in
                    stage.room.session?.sid == session && (stage.room.session?.clock.count ?? 0) > before
                }
            }
            func frames() async throws -> (ssrc: UInt32, frames: [UInt32]) {
                let clock = try await stage.onLoop { $0.room.session?.clock ?? [] }
                let first = try #require(clock.first)
                #expect(clock.allSatisfy { $0.ssrc == first.ssrc })
                return (first.ssrc, clock.map { ($0.timestamp &- first.timestamp) / 960 })
            }

            try await stage.until("connected")
            try await stage.until("heard")
            for frame: UInt32 in [7, 8, 20] { try await send(frame) }
            try await stage.onLoop { stage in
                stage.microphone.setMuted(true)
                let packet = Self.packet(1)
                let wasSent = stage.microphone.send(packet.span.bytes, timestamp: 21 * 960, level: nil)
                #expect(!wasSent)
                stage.microphone.setMuted(false)
            }
            try await send(22)
            try await stage.onLoop { $0.room.session?.socket?.terminate() }
            try await stage.until("reconnected as before")
            try await send(57)
            let first = try await frames()
            #expect(first.frames == [0, 1, 13, 15, 50])

            try await stage.onLoop { stage in
                stage.room.forgetsSessions = true
                stage.room.session?.socket?.terminate()
            }
            try await stage.until("reconnected anew")
            try await stage.until("published TR_PA_me2")
            for frame: UInt32 in [100, 101, 130] { try await send(frame, session: "PA_me2") }
            let second = try await frames()
            #expect(second.frames == [0, 1, 30] && second.ssrc != first.ssrc)
        }
    }
}
