internal import AudioCodec
internal import EventLoops
internal import Glibc
internal import HTTP
internal import SecureTransport
package import WebSocket
internal import Wire

/// Drives a load test: connects the clients at a steady rate, lets them talk, measures for a while, and counts what
/// came of it. Talks the public protocol only.
///
/// Each client sends at its own time within the 20 ms of a frame, as callers do that know nothing of each other; one
/// timer wakes all of them. Belongs to the loop's thread.
package final class LoadGenerator {
    /// What is told while the test runs.
    package enum Stage: String, Sendable {
        case connecting, warmingUp, measuring, draining
    }

    /// So many parts has a frame; each client sends in one of them.
    private static let slots = 80
    private static let slotDuration = LoadSpeech.frameDuration / slots

    let loop: EventLoop
    private let plan: LoadPlan
    private let speech: LoadSpeech
    private let context: WebSocketContext
    private let onStage: (Stage) -> Void
    private var completion: ((LoadResult) -> Void)?
    private var clients: [LoadClient] = []
    /// In the order in which they connect.
    private var order: [LoadClient] = []
    private var random = LoadRandom(seed: 4)
    private var result: LoadResult
    private var isMeasuring = false
    private var hasBegunToSettle = false
    private var isOver = false

    // The ticker.
    private var slotted = [[LoadClient]](repeating: [], count: slots)
    private var streaming = 0
    private var ticker: LoopTimer?
    private var begin: Instant
    /// The next part of a frame to be served, counted from `begin`.
    private var nextTick = 0
    private var stageTimer: LoopTimer?
    private var connectTimers: [LoopTimer] = []
    private var usageAtStart: ProcessUsage?
    private var watchedAtStart: [ProcessUsage?] = []

    package init(
        _ plan: LoadPlan, speech: LoadSpeech, context: WebSocketContext, onStage: @escaping (Stage) -> Void,
        completion: @escaping (LoadResult) -> Void
    ) {
        self.plan = plan
        self.speech = speech
        self.context = context
        self.onStage = onStage
        self.completion = completion
        loop = context.loop
        begin = loop.now
        result = LoadResult(plan: plan)
        result.watched = plan.watched.map { LoadResult.Watched(before: ProcessUsage(process: $0)) }
    }

    // MARK: Course

    package func start() {
        makeClients()
        let ticker = LoopTimer(loop: loop) { [unowned self] in tick() }
        self.ticker = ticker
        let stageTimer = LoopTimer(loop: loop) { [unowned self] in warmUp() }
        self.stageTimer = stageTimer
        onStage(.connecting)
        let now = loop.now
        for (place, client) in order.enumerated() {
            // A little irregular, so that not all begin in the same part of a frame.
            let jitter = Double.random(in: 0..<0.02, using: &random)
            let timer = LoopTimer(loop: loop) { [unowned self] in connect(client) }
            timer.arm(at: now + .seconds(Double(place) / plan.connectRate + jitter))
            connectTimers.append(timer)
        }
        stageTimer.arm(at: now + .seconds(Double(order.count) / plan.connectRate) + LoadPlan.connectPatience)
    }

    private func makeClients() {
        for index in 0..<plan.sessions {
            let talks = plan.talks(index)
            let frames: [LoadSpeech.Frame]? =
                if talks {
                    speech.frames
                } else {
                    switch plan.rest {
                    case .nothing: nil
                    case .noise: speech.quiet
                    case .zeros: speech.silence
                    }
                }
            // The second of a room talks at once, from the beginning of its first spurt; others are anywhere.
            let isFirst = plan.topology == .pairs && index.isMultiple(of: 2)
            let position = isFirst && talks ? Int.random(in: 0..<speech.frames.count, using: &random) : 0
            clients.append(
                LoadClient(
                    index: index, talks: talks, frames: frames, position: position,
                    packets: plan.isOpus ? speech.packets : nil, speaksAtOnce: !isFirst, generator: self))
        }
        order = clients
        guard plan.topology == .pairs else { return }
        for index in stride(from: 0, to: clients.count - 1, by: 2) {
            clients[index].partner = clients[index + 1]
            clients[index + 1].partner = clients[index]
        }
        // All first clients come before all second ones, so that each second one is heard from its first word on.
        order = clients.filter { $0.index.isMultiple(of: 2) } + clients.filter { !$0.index.isMultiple(of: 2) }
    }

    private func connect(_ client: LoadClient) {
        let (room, agent): (Int, String?) =
            switch plan.topology {
            case .pairs: (client.index / 2, "")
            case .agent(let name): (client.index, name.isEmpty ? nil : name)
            }
        var query = "room=\(plan.name)-\(room)&identity=\(plan.name)-\(client.index)"
        if let agent { query += "&agent=\(agent)" }
        if plan.isOpus { query += "&encoding=opus&output_encoding=opus&output_sample_rate=48000" }
        if !plan.query.isEmpty { query += "&" + plan.query }
        let separator = plan.url.target.contains("?") ? "&" : "?"
        client.connect(to: plan.url.appending(separator + query), context: context, now: EventLoop.clock())
    }

    func joined(_ client: LoadClient) {
        if let partner = client.partner, client.index.isMultiple(of: 2) == false {
            // The first client of a room answers when the second one is there, too.
            startLater(partner)
        } else if client.partner == nil || plan.topology != .pairs {
            client.startStreaming()
        }
        warmUpIfComplete()
    }

    private func startLater(_ client: LoadClient) {
        let timer = LoopTimer(loop: loop) { [unowned self] in
            if client.slot == nil { client.slot = Int.random(in: 0..<Self.slots, using: &random) }
            client.startStreaming()
        }
        timer.arm(after: LoadPlan.answerDelay)
        connectTimers.append(timer)
    }

    func ended(_ client: LoadClient) { warmUpIfComplete() }

    private func warmUpIfComplete() {
        guard !hasBegunToSettle, clients.allSatisfy({ $0.hasJoined || $0.record.unexpectedEnd != nil }) else { return }
        warmUp()
    }

    private func warmUp() {
        guard !hasBegunToSettle else { return }
        hasBegunToSettle = true
        onStage(.warmingUp)
        next(after: plan.warmUp + LoadPlan.answerDelay) { $0.measure() }
    }

    private func measure() {
        onStage(.measuring)
        isMeasuring = true
        usageAtStart = ProcessUsage(process: getpid())
        watchedAtStart = plan.watched.map { ProcessUsage(process: $0) }
        result.measuredAt = EventLoop.clock()
        result.countersAtStart = totals()
        next(after: plan.duration) { $0.drain() }
    }

    private func drain() {
        onStage(.draining)
        isMeasuring = false
        result.finishMeasuring(
            now: EventLoop.clock(), counters: totals(), own: usageAtStart, watched: watchedAtStart,
            plan: plan)
        // A client that should have heard something, and heard nothing, is dead without having said so.
        let longest = LoadSpeech.longestPause + .seconds(2)
        let now = loop.now
        for client in clients where client.isOpen && client.partner?.talks == true && plan.topology == .pairs {
            if client.record.lastHeard.map({ now - $0 > longest }) ?? true { result.silentlyDead += 1 }
        }
        for client in clients {
            client.stopStreaming()
            client.ping()
        }
        next(after: LoadPlan.draining) { $0.finish() }
    }

    private func finish() {
        isOver = true
        for client in clients {
            result.take(client, topology: plan.topology)
            client.leave()
        }
        ticker?.cancel()
        // Close frames need a moment.
        next(after: .milliseconds(300)) { generator in
            let completion = generator.completion
            generator.completion = nil
            generator.stageTimer = nil
            generator.connectTimers = []
            completion?(generator.result)
        }
    }

    private func next(after duration: Duration, _ step: @escaping (LoadGenerator) -> Void) {
        let timer = LoopTimer(loop: loop) { [unowned self] in step(self) }
        timer.arm(after: duration)
        // Held until the end: a timer must not go away while it goes off.
        connectTimers.append(timer)
        stageTimer?.cancel()
    }

    /// Ends the test early, with what there is.
    package func interrupt() {
        guard !isOver else { return }
        result.isInterrupted = true
        if isMeasuring { drain() } else { finish() }
    }

    // MARK: The ticker

    /// The part of a frame that begins next.
    var nextSlot: Int {
        let elapsed = (EventLoop.clock() - begin).nanoseconds
        return Int((elapsed / Self.slotDuration.nanoseconds + 1) % Int64(Self.slots))
    }

    func add(_ client: LoadClient) {
        let slot = client.slot ?? 0
        slotted[slot].append(client)
        streaming += 1
        if streaming == 1 {
            // After a time without sends it begins anew with the present.
            nextTick = Int((EventLoop.clock() - begin).nanoseconds / Self.slotDuration.nanoseconds) + 1
        }
        arm()
    }

    func remove(_ client: LoadClient) {
        let slot = client.slot ?? 0
        let before = slotted[slot].count
        slotted[slot].removeAll { $0 === client }
        streaming -= before - slotted[slot].count
    }

    /// Sets the timer to the next part of a frame in which a client sends.
    private func arm() {
        guard streaming > 0 else { return }
        var following = nextTick
        while slotted[following % Self.slots].isEmpty { following += 1 }
        ticker?.arm(at: begin + Self.slotDuration * following)
    }

    private func tick() {
        let now = loop.now
        // All that has fallen due, in order. A client that sends late has its lateness counted: a generator that cannot
        // keep up must not be taken for a slow gateway.
        while streaming > 0 {
            let due = begin + Self.slotDuration * nextTick
            guard due <= now else { break }
            let slot = nextTick % Self.slots
            nextTick += 1
            guard !slotted[slot].isEmpty else { continue }
            if isMeasuring { result.lateness.add(now - due) }
            for client in slotted[slot] { client.tick(now: now) }
        }
        arm()
    }

    // MARK: Counting

    func noteDelay(_ delay: Duration) { if isMeasuring { result.delay.add(delay) } }
    func noteGap(_ gap: Duration) { if isMeasuring { result.gap.add(gap) } }

    private func totals() -> LoadResult.Counters {
        var counters = LoadResult.Counters()
        for client in clients {
            counters.sent += client.record.sent
            counters.heard += client.record.heard
            counters.heardBytes += client.record.heardBytes
            counters.gaps += client.record.gaps
        }
        return counters
    }
}
