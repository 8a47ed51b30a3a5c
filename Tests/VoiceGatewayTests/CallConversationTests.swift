import Testing
import VoiceGateway
import Wire

@Suite("The course of a call")
struct CallConversationTests {
    /// A call in virtual time: ticks every 20 ms and keeps what happens.
    struct Run {
        var conversation: CallConversation
        var now = Instant.zero
        var actions: [CallConversation.Action] = []
        private var nextTick = Instant.zero

        init(_ change: (inout CallConversation.Plan) -> Void) {
            var plan = CallConversation.Plan()
            change(&plan)
            conversation = CallConversation(plan, now: .zero)
        }

        mutating func pass(_ milliseconds: Int) {
            let end = now + .milliseconds(milliseconds)
            while nextTick <= end {
                now = nextTick
                conversation.tick(now: now)
                drain()
                nextTick += .milliseconds(20)
            }
            now = end
        }

        /// An agent that does not greet has a second in which it might.
        mutating func listenThroughGreeting() {
            pass(980)
            actions = []
            pass(20)
        }

        mutating func state(_ state: String) { event(["type": "agent_state", "state": .string(state)]) }

        mutating func event(_ event: JSONValue) {
            conversation.receive(event, now: now)
            drain()
        }

        mutating func hear(forMilliseconds length: Int) {
            for _ in 0..<length / 20 {
                conversation.hear(now: now)
                drain()
                pass(20)
            }
        }

        private mutating func drain() {
            while let action = conversation.poll() { if action != .silence { actions.append(action) } }
        }

        var news: [CallConversation.News] {
            actions.compactMap { if case .tell(let news) = $0 { news } else { nil } }
        }
        var outcome: CallConversation.Outcome? {
            if case .hangUp(let outcome)? = actions.last { outcome } else { nil }
        }
        var framesSent: Int { actions.count { if case .frame = $0 { true } else { false } } }
    }

    @Test("the caller speaks when the agent listens, hears the reply and hangs up")
    func usual() {
        var run = Run {
            $0.frames = 60
            $0.framesOfSpeech = 50
        }
        run.pass(800)
        #expect(run.actions.isEmpty)
        run.state("initializing")
        run.state("listening")
        run.listenThroughGreeting()
        #expect(run.news == [.speaking])
        // Speech ends 1 s after the first frame, the file 200 ms later.
        run.pass(1600)
        #expect(run.framesSent == 60)
        run.state("speaking")
        run.hear(forMilliseconds: 2000)
        run.state("listening")
        run.pass(1400)
        #expect(run.outcome == nil)
        run.pass(200)
        #expect(run.outcome == .replied)
        guard case .replyBegan(let delay?)? = run.news.dropFirst().first else {
            _ = Issue.record("no delay")
            return
        }
        #expect(abs(delay.milliseconds - 600) <= 20)
        #expect(run.news.last == .replyEnded(.milliseconds(1980)))
    }

    @Test("an agent that greets is heard to the end before the caller speaks, and the greeting is no reply")
    func greeting() {
        var run = Run {
            $0.frames = 10
            $0.framesOfSpeech = 10
        }
        run.state("listening")
        run.pass(600)
        run.state("speaking")
        run.pass(700)
        run.hear(forMilliseconds: 4000)
        #expect(run.framesSent == 0)
        run.state("listening")
        run.pass(440)
        #expect(run.framesSent == 0 && run.news.isEmpty)
        run.pass(60)
        #expect(run.news == [.speaking])
        run.pass(1000)
        #expect(run.framesSent == 10 && run.outcome == nil)
        run.hear(forMilliseconds: 400)
        run.pass(1600)
        #expect(run.outcome == .replied)
    }

    @Test("a greeting that does not end is spoken over")
    func endlessGreeting() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
        }
        run.state("listening")
        run.state("speaking")
        run.hear(forMilliseconds: 29_900)
        #expect(run.framesSent == 0)
        run.hear(forMilliseconds: 200)
        #expect(run.framesSent == 1)
    }

    @Test("a pause within the reply does not end the call while the agent still speaks")
    func pauseInReply() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
        }
        run.state("idle")
        run.listenThroughGreeting()
        run.pass(100)
        run.state("speaking")
        run.hear(forMilliseconds: 200)
        run.pass(4000)
        run.hear(forMilliseconds: 200)
        #expect(run.outcome == nil)
        run.state("listening")
        run.pass(1600)
        #expect(run.outcome == .replied)
    }

    @Test("an agent without states is taken to be ready after a while, and its reply to have ended")
    func noStates() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
        }
        run.pass(9900)
        #expect(run.framesSent == 0)
        run.pass(200)
        #expect(run.framesSent == 1 && run.news == [.speakingToNobody])
        run.hear(forMilliseconds: 200)
        run.pass(2400)
        #expect(run.outcome == nil)
        run.pass(200)
        #expect(run.outcome == .replied)
    }

    @Test("a reply may come while the file is still at its trailing silence")
    func replyDuringSilence() {
        var run = Run {
            $0.frames = 200
            $0.framesOfSpeech = 10
        }
        run.state("listening")
        run.listenThroughGreeting()
        run.pass(400)
        run.hear(forMilliseconds: 200)
        #expect(run.news.count == 2)
        run.pass(1600)
        #expect(run.outcome == .replied)
    }

    @Test("without an agent in the plan nobody is waited for")
    func noAgent() {
        var run = Run {
            $0.frames = 2
            $0.framesOfSpeech = 2
            $0.expectsAgent = false
        }
        run.pass(20)
        #expect(run.framesSent == 2)
    }

    @Test("when nobody answers the call ends without a reply")
    func noReply() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
        }
        run.state("listening")
        run.listenThroughGreeting()
        run.pass(29_900)
        #expect(run.outcome == nil)
        run.pass(200)
        #expect(run.outcome == .noReply)
    }

    @Test("a text is sent after the speech, and an answer in text alone is an answer")
    func texts() {
        var run = Run { $0.texts = ["hello"] }
        run.state("listening")
        run.listenThroughGreeting()
        #expect(run.actions == [.text("hello")])
        run.event(["type": "transcript", "role": "user", "content": "hello", "final": true])
        run.event(["type": "transcript", "role": "assistant", "content": "h", "final": false])
        run.pass(6000)
        #expect(run.outcome == nil)
        run.event(["type": "transcript", "role": "assistant", "content": "hi", "final": true])
        run.pass(5100)
        #expect(run.outcome == .replied)
    }

    @Test("the legacy vocabulary says by ready when it is the caller's turn")
    func legacy() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
            $0.hasLegacyEvents = true
        }
        run.event(["type": "ready", "message": "Connected. Send audio chunks, then 'end_turn' to process."])
        run.listenThroughGreeting()
        run.pass(40)
        #expect(run.framesSent == 1)
        run.hear(forMilliseconds: 200)
        run.event(["type": "ready", "message": "Ready for next turn"])
        run.pass(1600)
        #expect(run.outcome == .replied)
    }

    @Test("an agent that speaks over the end is not given a delay")
    func overlap() {
        var run = Run {
            $0.frames = 10
            $0.framesOfSpeech = 10
        }
        run.state("listening")
        run.listenThroughGreeting()
        run.hear(forMilliseconds: 400)
        #expect(run.news == [.speaking, .replyBegan(nil)])
    }

    @Test("a time limit ends the call, with or without a reply")
    func duration() {
        var run = Run {
            $0.frames = 1
            $0.framesOfSpeech = 1
            $0.duration = .seconds(3)
        }
        run.state("listening")
        run.listenThroughGreeting()
        run.pass(1000)
        run.hear(forMilliseconds: 1200)
        #expect(run.outcome == .timeIsOver(replied: true))
        var listener = Run { $0.duration = .seconds(60) }
        listener.pass(59_900)
        #expect(listener.outcome == nil)
        listener.pass(200)
        #expect(listener.outcome == .timeIsOver(replied: false))
    }

    @Test("after the end nothing more is done")
    func afterwards() {
        var run = Run { $0.frames = 5 }
        run.conversation.interrupt()
        run.conversation.interrupt()
        run.state("listening")
        run.pass(20_000)
        #expect(run.actions == [.hangUp(.interrupted)])
    }
}
