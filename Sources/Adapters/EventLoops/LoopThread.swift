internal import Glibc

/// Starts plain threads.
enum LoopThread {
    /// Runs `body` on a new thread, which somebody must join or detach.
    static func spawn(_ body: @escaping @Sendable () -> Void) throws(EventLoopError) -> pthread_t {
        // SAFETY: the new thread takes over the reference, or it is released here.
        let start = unsafe Unmanaged.passRetained(Start(body: body))
        var thread = pthread_t()
        // SAFETY: the new thread takes over the reference; when there is none, it is released below.
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, unsafe start.toOpaque())
        guard code == 0 else {
            unsafe start.release()
            throw .system(operation: "start a thread", reason: EventLoopError.describe(-code))
        }
        return thread
    }

    /// What a new thread begins with.
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
