internal import EventLoops
internal import Glibc
internal import Observability
internal import Wire

/// Carries out a `Drain` for the process: hears signals, counts calls, and ends them when it is time. Hears, too, that the
/// settings are to be read again.
struct DrainDriver {
    private enum Event: Sendable {
        case signal(SignalWatcher.Signal)
        case calls(Int)
        case ended
        case time
    }

    /// How often the log says how many calls are left.
    static let reportInterval = Duration.seconds(60)

    let signals: ProcessSignals
    let settings: () -> DrainSettings
    let admission: Admission
    let log: Log
    let serviceManager: ServiceManager?
    let reload: () async -> Void
    /// Asks clients to go on at another gateway.
    let moveCalls: (Instant) async -> Void
    /// Tells all clients that the gateway goes, and returns when they have gone.
    let endCalls: @Sendable () async -> Void

    /// Returns when the gateway has been told to go and its calls are over.
    func run() async {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        let hearing = Task { [signals] in
            for await signal in signals.signals { continuation.yield(.signal(signal)) }
        }
        var drain = Drain(settings())
        var lastSignal = SignalWatcher.Signal.terminate
        var wakeUp: Task<Void, Never>?
        var report: Task<Void, Never>?
        for await event in events {
            let now = EventLoop.clock()
            switch event {
            case .signal(.hangUp):
                let serviceManager = admission.isClosed ? nil : serviceManager
                serviceManager?.reloading()
                await reload()
                serviceManager?.ready()
            case .signal(let signal):
                lastSignal = signal
                drain.settings = settings()
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
                        ["signal": "\(lastSignal)", "calls": admission.placesTaken, "limit": "\(drain.settings.limit)"])
                    refuseCalls { continuation.yield(.calls($0)) }
                    report = reporting()
                case .moveCalls(let deadline): await moveCalls(deadline)
                case .endCalls(let cause):
                    report?.cancel()
                    refuseCalls { continuation.yield(.calls($0)) }
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
        hearing.cancel()
    }

    private func refuseCalls(_ observer: @escaping @Sendable (Int) -> Void) {
        serviceManager?.stopping(calls: admission.placesTaken)
        admission.close(observer: observer)
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
