import EventLoops
import HTTP
import LiveKitParticipant
import PeerConnection
import Signalling
import Testing
import Wire

/// A participant against a scripted room: real sockets, real DTLS, one loop.
@Suite(.serialized) struct RoomParticipantTests {
    /// An Opus packet of 20 ms (mono, CELT) whose second byte tells it apart.
    static func packet(_ number: UInt8) -> [UInt8] { [0xF8, number, 1, 2, 3] }

    /// Sends packets every 20 ms until the condition of the test is met.
    static func speak(
        _ stage: LoopbackStage, until what: String, _ condition: @escaping @Sendable (LoopbackStage) -> Bool
    )
        async throws
    {
        let timer = try await stage.onLoop { stage -> LoopBound<LoopTimer> in
            var number: UInt8 = 0
            var timestamp: UInt32 = 0
            var again: () -> Void = {}
            let timer = LoopTimer(loop: stage.loop) { again() }
            again = { [unowned timer] in
                number &+= 1
                timestamp &+= 960
                let packet = Self.packet(number)
                _ = stage.microphone.send(
                    packet.span.bytes, timestamp: timestamp, level: AudioLevel(negatedDecibels: 20, hasVoice: true))
                timer.arm(after: .milliseconds(20))
            }
            timer.arm(after: .zero)
            return LoopBound(timer, on: stage.loop)
        }
        defer { stage.loop.execute { timer.value.cancel() } }
        try await stage.until(what, condition)
    }

    @Test("joins, publishes, hears itself through the agent, and leaves", arguments: [true, false])
    func wholeCall(single: Bool) async throws {
        try await LoopbackStage.play(
            prepare: {
                $0.room.hasSinglePath = single
                $0.participant.publishMicrophone()
            },
            act: { stage in
                try await stage.until("connected")
                try await stage.until("subscribed TR_agent of agent")
                try await stage.until("heard")
                try await Self.speak(stage, until: "sound comes back") { $0.recorder.sound.count >= 10 }
                let (events, sent, sound, paths) = try await stage.onLoop {
                    ($0.recorder.events, $0.room.session?.sound ?? [], $0.recorder.sound, $0.room.requests.map(\.path))
                }
                #expect(events.prefix(2) == ["joined room as PA_me1", "joined agent"])
                #expect(events.contains("published TR_PA_me1"))
                #expect(paths == (single ? ["/rtc/v1"] : ["/rtc/v1", "/rtc"]))
                // The same packets, in the same order.
                let first = try #require(sound.first)
                let start = try #require(sent.firstIndex(of: first))
                #expect(Array(sent[start...].prefix(10)) == Array(sound.prefix(10)))
                try await stage.onLoop { $0.participant.leave() }
                try await stage.until("the server is told") {
                    $0.room.session?.received.contains(
                        .leave(
                            .with {
                                $0.reason = .clientInitiated
                                $0.action = .disconnect
                            })) == true
                }
                #expect(try await stage.onLoop { $0.recorder.events.last } == "disconnected left")
            })
    }

    @Test("asks for audio tracks by name and never for video")
    func audioOnly() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("subscribed TR_agent of agent")
            let requests = try await stage.onLoop { stage -> [UpdateSubscription] in
                (stage.room.session?.received ?? []).compactMap { message -> UpdateSubscription? in
                    if case .subscription(let request) = message { request } else { nil }
                }
            }
            #expect(requests.flatMap(\.trackSids) == ["TR_agent"])
            let join = try await stage.onLoop {
                try JoinParameters.decode($0.room.requests[0].query["join_request"] ?? "")
            }
            #expect(join.connectionSettings?.autoSubscribe == false)
            #expect(join.clientInfo?.protocolVersion == 17)
        }
    }

    @Test("data of every kind goes out and comes in", arguments: [true, false])
    func data(single: Bool) async throws {
        try await LoopbackStage.play(
            prepare: {
                $0.room.hasSinglePath = single
                // From before there is a connection: kept, not lost.
                try? $0.participant.data.send(Array("early".utf8), topic: "t")
            },
            act: { stage in
                try await stage.until("connected")
                try await stage.onLoop {
                    try $0.participant.data.send(Array("now".utf8), topic: "t")
                    try $0.participant.data.sendChat(String(repeating: "é", count: 20_000))
                    try $0.participant.data.sendBytes([UInt8](repeating: 7, count: 40_000), topic: "file")
                }
                try await stage.until("data t early from agent")
                try await stage.until("data t now from agent")
                try await stage.until("stream lk.chat complete")
                try await stage.until("stream file complete")
                let texts = try await stage.onLoop { $0.recorder.events.filter { $0.hasPrefix("text") } }
                #expect(texts == ["text lk.chat 7500", "text lk.chat 7500", "text lk.chat 5000"])
                // Lossy packets may be lost before both ends have the channel; one after the others is not.
                try await stage.onLoop { try $0.participant.data.send([0x78], topic: "l", isReliable: false) }
                try await stage.until("data l x from agent lossy")
                await #expect(throws: DataSendError.tooLarge(maximum: 64_000)) {
                    try await stage.onLoop { try $0.participant.data.send([UInt8](repeating: 0, count: 64_000)) }
                }
            })
    }

    @Test("calls go out and come in")
    func calls() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("connected")
            let answer = Locked<RPCResult?>(nil)
            try await stage.onLoop { stage in
                stage.recorder.onEvent = { participant, event in
                    if case .rpc(let invocation) = event {
                        participant.data.respond(toCall: invocation.id, .success(invocation.payload + "!"))
                    }
                }
                stage.participant.data.call("greet", of: "agent", payload: "hello") { result in
                    answer.withLock { $0 = result }
                    stage.recorder.events.append("answered")
                    stage.recorder.onChange()
                }
            }
            try await stage.until("answered")
            #expect(answer.withLock { $0 } == .success("greet:hello"))
            try await stage.onLoop { stage in
                stage.room.session?.deliver(
                    .with {
                        $0.participantIdentity = "agent"
                        $0.value = .rpcRequest(
                            .with {
                                $0.id = "r1"
                                $0.method = "m"
                                $0.payload = "p"
                                $0.version = 1
                                $0.responseTimeoutMs = 5000
                            })
                    })
            }
            try await stage.until("call m p")
        }
    }

    @Test("attributes are changed and the answer is told")
    func attributes() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("connected")
            try await stage.onLoop { stage in
                stage.participant.update(attributes: ["a": "b"]) { response in
                    stage.recorder.events.append("answer \(response.reason.name)")
                }
            }
            try await stage.until(#"own attributes ["a": "b"]"#)
            #expect(try await stage.onLoop { $0.recorder.events.contains("answer OK") })
        }
    }

    @Test("muting is told to the server and stops the sound")
    func muting() async throws {
        try await LoopbackStage.play(prepare: { $0.participant.publishMicrophone() }) { stage in
            try await stage.until("heard")
            try await stage.onLoop { $0.microphone.setMuted(true) }
            try await stage.until("mute arrives") { stage in
                stage.room.session?.received.contains(
                    .mute(
                        .with {
                            $0.sid = "TR_PA_me1"
                            $0.muted = true
                        })) == true
            }
            let wasSent = try await stage.onLoop { stage in
                let packet = Self.packet(1)
                return stage.microphone.send(packet.span.bytes, timestamp: 960, level: nil)
            }
            #expect(!wasSent)
        }
    }

    @Test("being sent away ends the session with the server's reason")
    func removal() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("connected")
            try await stage.onLoop { $0.room.session?.send(.leave(.with { $0.reason = .roomDeleted })) }
            try await stage.until("the end") { $0.participant.isClosed }
            let last = try await stage.onLoop { $0.recorder.events.last }
            #expect(last == "disconnected \(ParticipantEnding.removed(.roomDeleted))")
        }
    }

    @Test("who is sent away does not come back, though the connection closes before the server says why")
    func lateFarewell() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("connected")
            try await stage.onLoop { $0.room.session?.publisher.close() }
            // Iterations in which the end of the peer connection arrives.
            for _ in 0..<10 { try await stage.onLoop { _ in } }
            try await stage.onLoop { $0.room.session?.send(.leave(.with { $0.reason = .duplicateIdentity })) }
            try await stage.until("the end") { $0.participant.isClosed }
            let (last, joins) = try await stage.onLoop { ($0.recorder.events.last, $0.room.requests.count) }
            #expect(last == "disconnected \(ParticipantEnding.removed(.duplicateIdentity))")
            #expect(joins == 1)
        }
    }

    @Test("somebody's leaving ends their tracks and streams")
    func parting() async throws {
        try await LoopbackStage.play { stage in
            try await stage.until("subscribed TR_agent of agent")
            try await stage.onLoop { stage in
                stage.room.session?.send(
                    .update(
                        .with {
                            $0.participants = [
                                ScriptedSession.agent(version: 2) {
                                    $0.state = .disconnected
                                    $0.disconnectReason = .clientInitiated
                                }
                            ]
                        }))
            }
            try await stage.until("left agent CLIENT_INITIATED")
            #expect(try await stage.onLoop { $0.recorder.events.contains("unsubscribed TR_agent") })
        }
    }

    // MARK: Failures

    static func ending(_ stage: LoopbackStage) async throws -> ParticipantError? {
        try await stage.until("the end") { $0.participant.isClosed }
        return try await stage.onLoop { $0.recorder.failure }
    }

    @Test(
        "refusals are told with whom they concern",
        arguments: [
            (401, "invalid token", ParticipantError.Kind.unauthorized, Blame.operator),
            (404, "requested room does not exist", .roomNotFound, .client), (400, "bad", .badRequest, .gateway),
            (400, "<html><title>Wrong\nport</title></html>", .notLiveKit, .operator),
        ])
    func refusals(status: Int, body: String, kind: ParticipantError.Kind, blame: Blame) async throws {
        try await LoopbackStage.play(
            prepare: { $0.room.refusals = [.text(status, body)] },
            act: { stage in
                let error = try await Self.ending(stage)
                #expect(error?.kind == kind && error?.blame == blame && error?.isRetryable == false)
            })
    }

    @Test("failures that may pass are tried again")
    func retries() async throws {
        try await LoopbackStage.play(
            prepare: { $0.room.refusals = [.text(503, "busy"), .text(500, "broken")] },
            act: { stage in
                try await stage.until("connected")
                #expect(try await stage.onLoop { $0.room.requests.count } == 3)
            })
    }

    @Test("nobody there, and a server that says nothing, are told apart")
    func silence() async throws {
        let nobody = HTTPURL(origin: HTTPOrigin(isSecure: false, host: "127.0.0.1", port: 1))
        try await LoopbackStage.play(server: nobody, configure: { $0.joinRetries = 0 }) { stage in
            let error = try await Self.ending(stage)
            #expect(error?.kind == .unreachable && error?.isRetryable == true)
        }
        try await LoopbackStage.play(
            configure: {
                $0.joinRetries = 0
                $0.joinTimeout = .milliseconds(100)
            }, prepare: { $0.room.isSilent = true },
            act: { stage in
                let error = try await Self.ending(stage)
                #expect(error?.kind == .timedOut)
            })
    }
}
