internal import Wire

/// Work that may wait while calls may not: requests over HTTP, and what a client sends beyond its
/// share.
///
/// It is done in steps, one for each owner in line, after the sockets, timers and hooks of an iteration, and for
/// `BackgroundQueue.share` of each iteration at most. So however much of it there is, sound is never held up for longer
/// than that and one step.
///
/// Belongs to the loop's thread.
package final class BackgroundWork {
    private let loop: EventLoop
    private var step: (() -> Bool)?
    private var isRequested = false

    /// - Parameter step: does a little (a request, some kilobytes), and says whether there is more to do now. Kept until
    ///   `cancel`; capture owners weakly.
    package init(loop: EventLoop, step: @escaping () -> Bool) {
        self.loop = loop
        self.step = step
    }

    /// Asks for steps until there is nothing more to do.
    package func request() {
        loop.preconditionCurrent("background work")
        guard !isRequested, step != nil else { return }
        isRequested = true
        loop.background.append(self)
    }

    /// No further step is done.
    package func cancel() { step = nil }

    /// Does one step, and gets in line again when there is more.
    fileprivate func run() {
        isRequested = false
        if let step, step() { request() }
    }
}

/// The background work of a loop in the order in which it is done, each owner once.
final class BackgroundQueue {
    /// How much of an iteration background work may take before sockets and timers are looked at again. Packets of
    /// sound come every 20 ms, so they are not late by much.
    static let share: Duration = .milliseconds(2)

    private var waiting: [BackgroundWork] = []
    /// Where the line begins; what is before it has been done.
    private var head = 0

    var isEmpty: Bool { head == waiting.count }

    func append(_ work: BackgroundWork) { waiting.append(work) }

    /// Does steps until the share is used up or nothing is left; at least one.
    ///
    /// - Returns: how many.
    func run(clock: () -> Instant) -> Int {
        var steps = 0
        guard !isEmpty else { return steps }
        let end = clock() + Self.share
        repeat {
            let work = waiting[head]
            head += 1
            work.run()
            steps += 1
            compact()
        } while !isEmpty && clock() < end
        return steps
    }

    /// Gives up what has been done once it is half of the list, so that the line costs a step for each entry.
    private func compact() {
        guard head >= 32, head * 2 >= waiting.count else { return }
        waiting.removeFirst(head)
        head = 0
    }
}
