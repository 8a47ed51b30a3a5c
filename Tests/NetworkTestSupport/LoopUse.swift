package import EventLoops

/// Handles that a test left open on its loop.
package struct LeftOpen: Error {
    package let handles: [String]
    /// What the test had failed with before.
    package let failure: (any Error)?
}

/// Runs `body` with a loop that is stopped afterwards. Throws `LeftOpen` when other handles are open on it then than
/// expected.
@discardableResult
package func withLoop<Value: Sendable>(
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
    // Handles that were closed a moment ago need a turn to go.
    await loop.run {}
    loop.stop()
    let handles = joined(loop)
    guard handles == expected else {
        if case .failure(let failure) = result { throw LeftOpen(handles: handles, failure: failure) }
        throw LeftOpen(handles: handles, failure: nil)
    }
    return try result.get()
}

/// The handles left open on a loop that was stopped. Outside of async code, where waiting for a thread would be warned
/// about.
package func joined(_ loop: EventLoop) -> [String] { loop.join() }

/// A server and a client on one loop, in an actor whose executor the loop is.
package protocol LoopBench: Actor {
    init(loop: EventLoop)
    /// Closes all that is open.
    func close()
}

extension LoopBench {
    /// Runs `body` with a bench, which must leave nothing open.
    package static func run(_ body: @Sendable (Self) async throws -> Void) async throws {
        try await withLoop { loop in
            let bench = Self(loop: loop)
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(bench))
            } catch {
                result = .failure(error)
            }
            await bench.close()
            try result.get()
        }
    }
}
