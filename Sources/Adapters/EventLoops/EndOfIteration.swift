/// Runs its body once at the end of every iteration in which it was requested, however often that was: what an iteration
/// has collected goes out in one piece.
///
/// Belongs to the loop's thread.
package final class EndOfIteration {
    private let loop: EventLoop
    private var body: (() -> Void)?
    private var isRequested = false

    /// - Parameter body: kept until `cancel`; capture owners weakly.
    package init(loop: EventLoop, body: @escaping () -> Void) {
        self.loop = loop
        self.body = body
    }

    /// Asks for one run at the end of this iteration. Allocates nothing in steady state.
    package func request() {
        loop.preconditionCurrent("an end-of-iteration hook")
        guard !isRequested, body != nil else { return }
        isRequested = true
        loop.request(self)
    }

    /// Never runs again.
    package func cancel() { body = nil }

    func run() {
        isRequested = false
        body?()
    }
}
