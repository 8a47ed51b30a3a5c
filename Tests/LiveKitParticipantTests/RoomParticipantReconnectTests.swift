import EventLoops
import HTTP
import LiveKitParticipant
import PeerConnection
import Signalling
import Testing
import WebSocket
import Wire

extension RoomParticipantTests {
    /// What is lost and comes back. One after the other with the rest, which has its own timeouts.
    @Suite("Reconnecting") struct Reconnecting {
        @Test(
            "a lost signalling socket is opened again, with the newest token, and nothing is lost",
            arguments: [true, false])
        func resume(single: Bool) async throws {
            try await LoopbackStage.play(
                prepare: {
                    $0.room.hasSinglePath = single
                    $0.participant.publishMicrophone()
                },
                act: { stage in
                    try await stage.until("connected")
                    try await stage.until("subscribed TR_agent of agent")
                    try await stage.onLoop { stage in
                        stage.room.session?.losesData = true
                        try stage.participant.data.send(Array("lost".utf8), topic: "t")
                    }
                    // Data and the end of the socket travel on different ways; the packet must be gone before the socket is.
                    try await RoomParticipantTests.speak(stage, until: "sound passes") { $0.recorder.sound.count >= 5 }
                    try await stage.onLoop { $0.room.session?.socket?.terminate() }
                    try await stage.until("reconnecting")
                    try await stage.onLoop { try $0.participant.data.send(Array("meanwhile".utf8), topic: "t") }
                    try await stage.until("reconnected as before")
                    try await stage.until("data t lost from agent")
                    try await stage.until("data t meanwhile from agent")
                    let (events, request, sync) = try await stage.onLoop {
                        stage -> ([String], HTTPRequest?, [SyncState]?) in
                        (
                            stage.recorder.events, stage.room.requests.last,
                            stage.room.session?.received.compactMap {
                                if case .syncState(let it) = $0 { it } else { nil }
                            }
                        )
                    }
                    #expect(request?.bearerToken == "newer-token")
                    #expect(sync?.first?.publishTracks.first?.track?.sid == "TR_PA_me1")
                    #expect(sync?.first?.subscription?.trackSids == ["TR_agent"])
                    #expect(sync?.first?.dataChannels.count == 2)
                    #expect(
                        events.filter { $0.hasPrefix("data t") } == [
                            "data t lost from agent", "data t meanwhile from agent",
                        ])
                    #expect(!events.contains("unsubscribed TR_agent"))
                    let before = try await stage.onLoop { $0.recorder.sound.count }
                    try await RoomParticipantTests.speak(stage, until: "sound passes again") {
                        $0.recorder.sound.count >= before + 5
                    }
                })
        }

        @Test("a server that cannot be asked for a while still has the session")
        func outOfReach() async throws {
            try await LoopbackStage.play { stage in
                try await stage.until("connected")
                try await stage.onLoop { stage in
                    stage.room.refusals = [.text(502, "<title>Bad Gateway</title>"), .text(503, ""), .text(504, "")]
                    stage.room.session?.socket?.terminate()
                }
                try await stage.until("reconnected as before")
                #expect(try await stage.onLoop { $0.room.refusals.isEmpty && $0.room.requests.count == 5 })
            }
        }

        @Test("a session that the server does not know any more is joined anew")
        func fullReconnect() async throws {
            try await LoopbackStage.play(prepare: { $0.participant.publishMicrophone() }) { stage in
                try await stage.until("connected")
                try await stage.until("subscribed TR_agent of agent")
                try await stage.onLoop { stage in
                    stage.room.forgetsSessions = true
                    stage.room.session?.socket?.terminate()
                }
                try await stage.until("reconnected anew")
                try await stage.until("published TR_PA_me2")
                try await stage.until("subscribed again") { stage in
                    stage.recorder.events.filter { $0 == "subscribed TR_agent of agent" }.count == 2
                }
                let events = try await stage.onLoop { $0.recorder.events }
                #expect(events.contains("unsubscribed TR_agent"))
                #expect(!events.contains { $0.hasPrefix("left") })
                try await RoomParticipantTests.speak(stage, until: "sound passes again") {
                    $0.recorder.sound.count >= 5
                }
            }
        }

        @Test("the server's orders are followed", arguments: [LeaveRequest.Action.resume, .reconnect])
        func orders(action: LeaveRequest.Action) async throws {
            try await LoopbackStage.play { stage in
                try await stage.until("connected")
                try await stage.onLoop { $0.room.session?.send(.leave(.with { $0.action = action })) }
                try await stage.until(action == .resume ? "reconnected as before" : "reconnected anew")
            }
        }

        @Test("whoever has come under the same identity meanwhile is left in peace")
        func replaced() async throws {
            try await LoopbackStage.play { stage in
                try await stage.until("connected")
                let requests = try await stage.onLoop { stage in
                    stage.occupant = "PA_at_another_gateway"
                    stage.room.session?.socket?.terminate()
                    return stage.room.requests.count
                }
                try await stage.until("the end") { $0.recorder.events.last?.hasPrefix("disconnected") == true }
                let (events, now) = try await stage.onLoop { ($0.recorder.events, $0.room.requests.count) }
                #expect(events.last == "disconnected \(ParticipantEnding.removed(.duplicateIdentity))")
                #expect(now == requests)
            }
        }

        @Test("a connection that the server closes without a word counts as lost")
        func closedWithoutWord() async throws {
            try await LoopbackStage.play { stage in
                try await stage.until("connected")
                try await stage.onLoop { $0.room.session?.publisher.close() }
                try await stage.until("reconnecting")
            }
        }
    }
}
