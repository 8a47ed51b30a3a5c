/// Actors whose executor is a loop run on its thread; tasks can prefer it.
extension EventLoop: SerialExecutor, TaskExecutor {
    package func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

    // SAFETY: whoever runs on the executor holds the loop.
    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    package func checkIsolated() { preconditionCurrent("this actor") }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }
}

extension EventLoop {
    /// Runs `body` on the loop's thread and gives back what it returned.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            execute {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
