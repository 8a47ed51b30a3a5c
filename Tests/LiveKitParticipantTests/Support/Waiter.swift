import EventLoops
import Testing
import Wire

/// Lets a test wait for something that happens on a loop: a condition is looked at whenever `check` is called, and a
/// wait that takes too long fails with the story so far.
// SAFETY: used on the loop's thread, or by one task at a time.
final class Waiter: @unchecked Sendable {
    /// Longest wait for anything.
    static let patience = Duration.seconds(20)

    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    private let loop: EventLoop
    private var waiting: (condition: () -> Bool, resume: (Bool) -> Void)?
    private var timer: LoopTimer?

    init(_ loop: EventLoop) { self.loop = loop }

    /// Runs `body` on the loop and gives its result.
    func onLoop<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Waits until `condition` holds.
    func until(
        _ what: String, condition: @escaping @Sendable () -> Bool, story: @escaping @Sendable () -> String
    ) async throws {
        let isMet = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            loop.execute {
                self.waiting = (condition, { continuation.resume(returning: $0) })
                if self.timer == nil { self.timer = LoopTimer(loop: self.loop) { [unowned self] in finish(false) } }
                self.timer?.arm(after: Self.patience)
                self.check()
            }
        }
        guard isMet else {
            throw TimedOut(description: "waited in vain for: \(what); so far: \(try await onLoop { story() })")
        }
    }

    /// Something happened; on the loop.
    func check() {
        if let waiting, waiting.condition() { finish(true) }
    }

    private func finish(_ isMet: Bool) {
        let waiting = waiting
        self.waiting = nil
        timer?.cancel()
        waiting?.resume(isMet)
    }

    /// Stops the loop and waits for its end.
    func end() async {
        try? await onLoop { self.timer = nil }
        loop.stop()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            Thread.detach {
                self.loop.join()
                done.resume()
            }
        }
    }
}
