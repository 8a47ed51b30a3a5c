import Shard
import Testing
import Wire

/// Runs `body` with a loop that is stopped afterwards, and expects that nothing was left open on it.
@discardableResult
func withLoop<Value: Sendable>(
    _ name: String = "test", leftovers expected: [String] = [],
    _ body: @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop(name: name)
    try loop.start()
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(loop))
    } catch {
        result = .failure(error)
    }
    loop.stop()
    let leftovers = await ended(loop)
    #expect(leftovers == expected)
    return try result.get()
}

/// Joins on a thread where blocking is allowed to cost nothing but time: the loop is already on its way out.
func ended(_ loop: EventLoop) async -> [String] {
    loop.join()
}

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
