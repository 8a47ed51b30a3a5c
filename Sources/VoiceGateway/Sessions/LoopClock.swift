internal import Bridge
internal import Shard
internal import Wire

/// The time of a loop, as sessions see it.
final class LoopClock: SessionClock {
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    var now: Instant { loop.now }

    func makeAlarm(_ body: @escaping () -> Void) -> any SessionAlarm { LoopAlarm(Alarm(loop: loop, handler: body)) }

    private final class LoopAlarm: SessionAlarm {
        private let alarm: Alarm

        init(_ alarm: Alarm) { self.alarm = alarm }

        func arm(at instant: Instant) { alarm.arm(at: instant) }
        func cancel() { alarm.cancel() }
    }
}
