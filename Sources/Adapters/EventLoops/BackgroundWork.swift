/// Work that may wait while calls may not: TLS handshakes of newcomers, requests over HTTP, and what a client sends beyond its share.
///
/// It is done in steps, one for each owner in line, after the sockets, timers and hooks of an iteration, and for
/// `BackgroundQueue.share` of each iteration at most. So however much of it there is, sound is never held up for longer
/// than that and a step of each kind.
///
/// Belongs to the loop's thread.
package final class BackgroundWork {
    /// Kinds wait in lines of their own, so that much of one kind does not keep the other from being done.
    package enum Kind: Int, CaseIterable, Hashable, Sendable {
        case handshakes
        case requests
        case messages
    }

    let kind: Kind
    private let loop: EventLoop
    private var step: (() -> Bool)?
    private var isRequested = false

    /// - Parameter step: does a little (a request, some kilobytes), and says whether there is more to do now. Kept until
    ///   `cancel`; capture owners weakly.
    package init(_ kind: Kind, loop: EventLoop, step: @escaping () -> Bool) {
        self.kind = kind
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
    func run() {
        isRequested = false
        if let step, step() { request() }
    }
}
