internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import WebSocket
internal import Wire

/// One call on its loop: carries the conversation's actions to the WebSocket and what comes back to the conversation.
final class CallSession: WebSocketHandler {
    /// How the call ended, as far as the exit code is concerned.
    enum End {
        case hungUp(CallConversation.Outcome)
        case couldNotConnect(WebSocketConnectError)
        case closedByGateway(WebSocketClosure)
    }

    /// Sound is what is louder than this (root mean square; about -50 dB).
    static let soundLevel = 100
    private static let tick: Duration = .milliseconds(CallSpeech.frameMilliseconds)

    private let loop: EventLoop
    private let request: CallRequest
    private var speech: CallSpeech
    private let recorder: CallRecorder?
    private var hearing: CallHearing
    private var display: CallDisplay
    private var conversation: CallConversation?
    private var client: WebSocketClient?
    private var socket: WebSocketConnection?
    private var clock: LoopTimer?
    private var outcome: CallConversation.Outcome?
    private var hasWarned = false
    private let completion: (End) -> Void

    init(
        loop: EventLoop, request: CallRequest, speech: CallSpeech, hearing: CallHearing, recorder: CallRecorder?,
        completion: @escaping (End) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.speech = speech
        self.hearing = hearing
        self.recorder = recorder
        self.completion = completion
        display = CallDisplay(now: loop.now)
    }

    /// Connects; `completion` is called once, when all is over.
    func start(to url: HTTPURL, context: WebSocketContext) {
        var configuration = WebSocketClient.Configuration()
        configuration.webSocket.maximumMessageBytes = 16 << 20
        configuration.webSocket.closeTimeout = .seconds(2)
        client = WebSocketClient.connect(to: url, context: context, configuration: configuration, handler: self) {
            [weak self] result in
            guard case .failure(let error) = result else { return }
            self?.completion(.couldNotConnect(error))
        }
    }

    /// Ctrl-C.
    func interrupt() {
        guard conversation != nil else {
            client?.cancel()
            return completion(.hungUp(.interrupted))
        }
        conversation?.interrupt()
        carryOut()
    }

    // MARK: The conversation

    private func carryOut() {
        while let action = conversation?.poll() {
            switch action {
            case .frame(let index):
                send(speech.message(frame: index))
                display.note(spoken: speech.levels[index])
            case .silence:
                send(speech.message(frame: nil))
            case .text(let text):
                let message: JSONValue = ["type": "text", "data": .string(text)]
                socket?.send(text: message.serialized())
                show(CallEventText.row("you", "(typed) \(CallEventText.clean(text))"))
            case .tell(let news):
                show(words(for: news))
            case .hangUp(let outcome):
                self.outcome = outcome
                clock?.cancel()
                socket?.close()
            }
        }
    }

    private func send(_ message: [UInt8]) {
        if !message.isEmpty { socket?.send(binary: message, .droppable) }
    }

    private func words(for news: CallConversation.News) -> String {
        switch news {
        case .speaking: CallEventText.row("call", "speaking for \(CallEventText.seconds(speech.duration))")
        case .speakingToNobody:
            CallEventText.row(
                "call", "no agent listens; speaking for \(CallEventText.seconds(speech.duration)) nevertheless")
        case .replyBegan(let delay?):
            CallEventText.row("call", "the reply began \(CallEventText.seconds(delay)) after the end of speech")
        case .replyBegan(nil): CallEventText.row("call", "the agent is speaking already")
        case .replyEnded(let duration):
            CallEventText.row("call", "the reply lasted \(CallEventText.seconds(duration))")
        }
    }

    private func show(_ line: String) {
        // With --json standard output is for programs; people can still see it on standard error.
        if request.showsJSON { return Console.complain(line) }
        display.show(line, now: loop.now)
    }

    private func tick() {
        clock?.advance(by: Self.tick)
        conversation?.tick(now: loop.now)
        carryOut()
        if !request.showsJSON { display.refresh(now: loop.now) }
    }

    private func heard(_ samples: [Int16]) {
        recorder?.append(samples)
        if let failure = recorder?.failure, !hasWarned {
            hasWarned = true
            Console.complain("\(recorder?.path ?? "") cannot be written any more: \(failure.reason).")
        }
        // A long message holds more than one frame; each counts by itself.
        let length = max(1, hearing.format.sampleRate * CallSpeech.frameMilliseconds / 1000)
        var loudest = 0
        for start in stride(from: 0, to: samples.count, by: length) {
            let part = Array(samples[start..<min(start + length, samples.count)])
            loudest = max(loudest, SoundLevel.rootMeanSquare(part.span))
        }
        display.note(heard: loudest)
        if loudest > Self.soundLevel { conversation?.hear(now: loop.now) }
        carryOut()
    }

    // MARK: The WebSocket

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        show(CallEventText.row("call", "connected to \(request.shownAddress)"))
        var plan = CallConversation.Plan()
        plan.frames = speech.frames.count
        plan.framesOfSpeech = speech.framesOfSpeech
        plan.texts = request.texts
        plan.expectsAgent = request.session.agent != ""
        plan.hasLegacyEvents = !request.isToldOfAgents
        plan.duration = request.duration
        conversation = CallConversation(plan, now: loop.now)
        let clock = LoopTimer(loop: loop) { [weak self] in self?.tick() }
        clock.arm(at: loop.now)
        self.clock = clock
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        let bytes = [UInt8](copying: text)
        guard let event = try? JSONValue(parsing: bytes) else {
            return show(
                CallEventText.row("event", "not JSON: \(CallEventText.clean(String(decoding: bytes, as: UTF8.self)))"))
        }
        if event["type"]?.string == "audio", let data = event["data"]?.string {
            return heard(hearing.samples(ofBase64: data))
        }
        if request.showsJSON {
            display.showBare(event.serialized())
        } else if let line = CallEventText.line(for: event) {
            show(line)
        }
        conversation?.receive(event, now: loop.now)
        carryOut()
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        heard(hearing.samples(of: bytes))
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        self.socket = nil
        clock?.cancel()
        clock = nil
        display.clearMeter()
        completion(outcome.map { .hungUp($0) } ?? .closedByGateway(closure))
    }
}
