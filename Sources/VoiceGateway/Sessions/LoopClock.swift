internal import Bridge
internal import EventLoops
internal import Wire

/// The time of a loop, as sessions see it.
final class LoopClock: SessionClock {
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    var now: Instant { loop.now }

    func makeTimer(_ body: @escaping () -> Void) -> any SessionTimer {
        LoopSessionTimer(LoopTimer(loop: loop, handler: body))
    }

    private final class LoopSessionTimer: SessionTimer {
        private let timer: LoopTimer

        init(_ timer: LoopTimer) { self.timer = timer }

        func arm(at instant: Instant) { timer.arm(at: instant) }
        func cancel() { timer.cancel() }
    }
}
