internal import EventLoops
internal import Glibc
internal import Observability
internal import Wire

/// Carries out a `Drain` for the process: hears signals, counts calls, and ends them when it is time.
struct DrainDriver {
    private enum Event: Sendable {
        case signal(SignalWatcher.Signal)
        case calls(Int)
        case ended
        case time
    }

    /// How often the log says how many calls are left.
    static let reportInterval = Duration.seconds(60)

    /// Where signals are heard.
    let loop: EventLoop
    let settings: DrainSettings
    let admission: Admission
    let isDraining: Gauge
    let log: Log
    /// Tells all clients that the gateway goes, and returns when they have gone.
    let endCalls: @Sendable () async -> Void

    /// Returns when the gateway has been told to go and its calls are over.
    func run() async throws(EventLoopError) {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        let loop = loop
        let watchers = try await loop.run { () throws(EventLoopError) in
            LoopBound(try SignalWatcher.all(on: loop) { continuation.yield(.signal($0)) }, on: loop)
        }
        var drain = Drain(settings)
        var lastSignal = SignalWatcher.Signal.terminate
        var wakeUp: Task<Void, Never>?
        var report: Task<Void, Never>?
        for await event in events {
            let now = EventLoop.clock()
            switch event {
            case .signal(let signal):
                lastSignal = signal
                drain.handle(.calls(admission.placesTaken), now: now)
                drain.handle(signal == .interrupt ? .interrupted : .terminated, now: now)
            case .calls(let count): drain.handle(.calls(count), now: now)
            case .ended: drain.handle(.ended, now: now)
            case .time: drain.handleTimeout(now: now)
            }
            while let action = drain.poll() {
                switch action {
                case .refuseCalls:
                    log.info(
                        "draining: new calls are refused, calls go on",
                        ["signal": "\(lastSignal)", "calls": admission.placesTaken, "limit": "\(settings.limit)"])
                    isDraining.set(1)
                    admission.close { continuation.yield(.calls($0)) }
                    report = reporting()
                case .endCalls(let cause):
                    report?.cancel()
                    isDraining.set(1)
                    log.info(
                        "stopping", ["signal": "\(lastSignal)", "calls": admission.placesTaken, "why": cause.sentence])
                    let endCalls = endCalls
                    Task {
                        await endCalls()
                        continuation.yield(.ended)
                    }
                case .exit:
                    // For people who will not wait.
                    exit(128 + lastSignal.rawValue)
                }
            }
            if drain.isOver { break }
            wakeUp?.cancel()
            wakeUp = drain.nextDeadline.map { deadline in
                Self.after(max(.zero, deadline - now)) { continuation.yield(.time) }
            }
        }
        wakeUp?.cancel()
        await loop.run { for watcher in watchers.value { watcher.close() } }
    }

    private func reporting() -> Task<Void, Never> {
        let (log, admission) = (log, admission)
        return Self.after(Self.reportInterval, isRepeated: true) {
            log.info("draining", ["calls": admission.placesTaken])
        }
    }

    /// Does something after a while, or again and again, unless it is cancelled before.
    private static func after(
        _ pause: Duration, isRepeated: Bool = false, _ action: @escaping @Sendable () -> Void
    ) -> Task<Void, Never> {
        Task {
            repeat {
                do { try await Task.sleep(for: pause) } catch { return }
                action()
            } while isRepeated
        }
    }
}

extension Drain.Cause {
    fileprivate var sentence: String {
        switch self {
        case .noCalls: "no call is left"
        case .timeIsOver: "DRAIN_SECONDS are over"
        case .demanded: "no time is given to calls"
        }
    }
}
