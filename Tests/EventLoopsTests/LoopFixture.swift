import EventLoops
import Testing
import Wire

/// Sets a value once, from any thread; one task waits for it.
final class Expectation<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func fulfil(_ value: Value) { continuation.yield(value) }

    /// The next value.
    func next() async throws -> Value {
        for await value in stream { return value }
        throw CancellationError()
    }
}
