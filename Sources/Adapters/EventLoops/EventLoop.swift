internal import CLibUV
internal import Glibc
package import Wire

/// A thread that runs a libuv loop.
///
/// Everything of one call (sockets, timers, its actor) lives on one loop and never moves, so that the media path
/// needs no lock and no hop. Only `execute`, `run`, `enqueue`, `isCurrent`, `stop` and `join` may be called from
/// other threads; all else belongs to the loop's own thread, and traps elsewhere.
///
/// An iteration is: wait for events, run their callbacks, run what was handed over by `execute` and by Swift tasks, run
/// the requested `EndOfIteration` hooks, do a share of the `BackgroundWork`, arm the one timer, wait again.
// SAFETY: shared state is locked or touched by the loop's thread alone; the handles live until deinit.
@safe
package final class EventLoop: @unchecked Sendable {
    /// How often an iteration looks into the inbox again before it lets sockets have their share.
    package static let maximumInboxRounds = 32

    /// Shown by the debugger and in `/proc`; 15 bytes are kept.
    package let name: String

    let raw: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp: UnsafeMutablePointer<uv_async_t>
    private let beforeWait: UnsafeMutablePointer<uv_prepare_t>
    private let timer: UnsafeMutablePointer<uv_poll_t>

    private let inbox = Locked(Inbox())
    private let finished = Gate()
    private let thread = Locked<pthread_t?>(nil)
    private var leftovers: [String] = []

    // What follows is touched by the loop's thread alone.
    let timers = TimerHeap()
    private let kernelTimer: KernelTimer
    let background = BackgroundQueue()
    /// Counts the iterations, for what may be done only so often in each.
    private(set) var iteration: UInt64 = 0
    private var iterationClock: IterationClock?
    private var cachedNow: Instant?
    private var requestedHooks: [EndOfIteration] = []
    /// The room of the list that is being worked off, kept from iteration to iteration.
    private var spareHooks: [EndOfIteration] = []
    private var spareItems: [Inbox.Item] = []
    private var openHandles: [ObjectIdentifier: LoopHandle] = [:]
    private var openLookUps: [ObjectIdentifier: NameResolution] = [:]
    private(set) var acceptsHandles = true
    let received = ReceiveBuffers()

    /// Makes a loop that does not run yet. What is handed over before `start` waits.
    package init(name: String) throws(EventLoopError) {
        self.name = name
        Self.ignoreBrokenPipes
        // SAFETY: libuv keeps pointers to all of these; they are freed in deinit, when the loop is closed for good.
        unsafe raw = .allocate(capacity: 1)
        unsafe wakeUp = .allocate(capacity: 1)
        unsafe beforeWait = .allocate(capacity: 1)
        unsafe timer = .allocate(capacity: 1)
        kernelTimer = KernelTimer()
        let code = unsafe uv_loop_init(raw)
        guard code == 0, kernelTimer.isOpen else {
            kernelTimer.close()
            if code == 0 { unsafe uv_loop_close(raw) }
            inbox.withLock { $0.phase = .neverOpened }
            throw code == 0 ? .tooManyOpenFiles : EventLoopError(code, operation: "make an event loop")
        }
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: `me` stays valid while the handles are open: the thread that runs them holds a reference.
        unsafe uv_async_init(raw, wakeUp) { handle in
            unsafe EventLoop.from(handle.unsafelyUnwrapped.pointee.data).drainInbox()
        }
        unsafe wakeUp.pointee.data = me
        unsafe uv_prepare_init(raw, beforeWait)
        unsafe beforeWait.pointee.data = me
        unsafe uv_prepare_start(beforeWait) { handle in
            unsafe EventLoop.from(handle.unsafelyUnwrapped.pointee.data).endIteration()
        }
        unsafe uv_poll_init(raw, timer, kernelTimer.descriptor)
        unsafe timer.pointee.data = me
        unsafe uv_poll_start(timer, Int32(UV_READABLE.rawValue)) { handle, _, _ in
            unsafe EventLoop.from(handle.unsafelyUnwrapped.pointee.data).timerExpired()
        }
    }

    deinit {
        let phase = inbox.withLock { $0.phase }
        if phase == .created {
            // Never started: the handles are closed here, on whatever thread let go of the loop.
            closeOwnHandles()
            // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
            unsafe uv_run(raw, UV_RUN_NOWAIT)
            unsafe uv_loop_close(raw)
            kernelTimer.close()
        }
        // A loop that foreign handles keep open must stay in memory: their owners still point to it.
        guard phase != .abandoned else { return }
        // SAFETY: the loop is closed, so libuv has let go of all of these.
        unsafe timer.deallocate()
        unsafe beforeWait.deallocate()
        unsafe wakeUp.deallocate()
        unsafe raw.deallocate()
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> EventLoop {
        // SAFETY: every `data` above is an EventLoop that its own thread keeps alive.
        unsafe Unmanaged<EventLoop>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
    }

    /// Writing to a connection that the other side has closed must fail with an error, not end the process.
    private static let ignoreBrokenPipes: Void = {
        _ = signal(SIGPIPE, SIG_IGN)
    }()

    // MARK: Where we are

    private static let currentKey: pthread_key_t = {
        var key = pthread_key_t()
        // SAFETY: the key is written to during the call only.
        let code = unsafe pthread_key_create(&key, nil)
        precondition(code == 0, "no thread-local storage: errno \(code)")
        return key
    }()

    /// Whether the calling thread is this loop's.
    package var isCurrent: Bool {
        // SAFETY: pointers are compared, not followed.
        unsafe pthread_getspecific(Self.currentKey) == Unmanaged.passUnretained(self).toOpaque()
    }

    /// Traps when the calling thread is not this loop's.
    package func preconditionCurrent(
        _ what: StaticString = "this object", file: StaticString = #fileID, line: UInt = #line
    ) {
        precondition(isCurrent, "\(what) belongs to the thread of \(name)", file: file, line: line)
    }

    // MARK: Time

    /// The time of this iteration, in nanoseconds of CLOCK_MONOTONIC: read by whoever asks first, and once more before
    /// timers go off.
    package var now: Instant {
        if let cachedNow { return cachedNow }
        let time = Self.clock()
        cachedNow = time
        return time
    }

    /// The same clock, read now; from any thread.
    package static func clock() -> Instant { Instant(nanoseconds: Int64(truncatingIfNeeded: uv_hrtime())) }

    private func timerExpired() {
        kernelTimer.expired()
        cachedNow = nil
        timers.fire(now: now)
    }

    // MARK: Work from elsewhere

    /// Runs `body` on the loop's thread, soon, in the order of the calls; from any thread.
    ///
    /// After the loop has stopped, a thread of its own takes the loop's place for such latecomers, so that nobody
    /// waits for ever; they can open nothing any more.
    package func execute(_ body: @escaping @Sendable () -> Void) { submit(.body(body)) }

    func submit(_ item: Inbox.Item) {
        let isOutside = !isCurrent
        let needsLateThread = inbox.withLock { inbox in
            inbox.items.append(item)
            switch inbox.phase {
            case .created, .running:
                // On the loop itself nothing needs to wake up: the inbox is emptied before every wait.
                if isOutside, !inbox.isWakePending {
                    inbox.isWakePending = true
                    // SAFETY: under the lock the handle is open: it is closed in a later phase.
                    unsafe uv_async_send(wakeUp)
                }
                return false
            case .closing, .neverOpened:
                return false
            case .stopped, .abandoned:
                defer { inbox.hasLateThread = true }
                return !inbox.hasLateThread
            }
        }
        if needsLateThread { startLateThread() }
    }

    private func drainInbox() {
        for _ in 0..<Self.maximumInboxRounds {
            swapInbox()
            if spareItems.isEmpty { return }
            runSpareItems()
        }
        // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
        if acceptsHandles { unsafe uv_async_send(wakeUp) }
    }

    private func swapInbox() {
        inbox.withLock { inbox in
            swap(&inbox.items, &spareItems)
            inbox.isWakePending = false
        }
    }

    private func runSpareItems() {
        for item in spareItems {
            switch item {
            case .body(let body): body()
            case .job(let job):
                // SAFETY: each job is run once, on the executor that it was given to.
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
        }
        spareItems.removeAll(keepingCapacity: true)
    }

    // MARK: The end of an iteration

    func request(_ hook: EndOfIteration) { requestedHooks.append(hook) }

    private func endIteration() {
        drainInbox()
        runHooks()
        if background.run(clock: BackgroundQueue.threadTime) > 0 {
            cachedNow = nil
            drainInbox()
            runHooks()
        }
        // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
        if !requestedHooks.isEmpty || !background.isEmpty, acceptsHandles { unsafe uv_async_send(wakeUp) }
        kernelTimer.follow(timers.earliest)
        cachedNow = nil
        iteration &+= 1
        unsafe iterationClock?.endIteration(raw)
    }

    /// Tells `observe` from now on how long each iteration took, in nanoseconds, without the time in which the loop waited.
    package func measureIterations(_ observe: @escaping (_ nanoseconds: Int64) -> Void) {
        preconditionCurrent("the clock of iterations")
        // SAFETY: the loop is open while its thread runs.
        unsafe gateway_count_idle_time(raw)
        iterationClock = unsafe IterationClock(raw, observe: observe)
    }

    private func runHooks() {
        var rounds = 0
        while !requestedHooks.isEmpty, rounds < Self.maximumInboxRounds {
            swap(&requestedHooks, &spareHooks)
            for hook in spareHooks { hook.run() }
            spareHooks.removeAll(keepingCapacity: true)
            drainInbox()
            rounds += 1
        }
    }

    // MARK: Handles

    func register(_ handle: LoopHandle) { openHandles[ObjectIdentifier(handle)] = handle }

    func unregister(_ handle: LoopHandle) { openHandles[ObjectIdentifier(handle)] = nil }

    func register(_ lookUp: NameResolution) { openLookUps[ObjectIdentifier(lookUp)] = lookUp }

    func unregister(_ lookUp: NameResolution) { openLookUps[ObjectIdentifier(lookUp)] = nil }

    // MARK: Life

    /// Starts the thread. A loop can be started once.
    package func start() throws(EventLoopError) {
        let maySpawn = inbox.withLock { inbox in
            defer { if inbox.phase == .created { inbox.phase = .running } }
            return inbox.phase == .created
        }
        guard maySpawn else { throw .loopStopped }
        do throws(EventLoopError) {
            let started = try LoopThread.spawn { [self] in threadMain() }
            thread.withLock { $0 = started }
        } catch {
            inbox.withLock { $0.phase = .created }
            throw error
        }
    }

    /// Ends the loop after what was handed over before; from any thread. Returns at once, see `join`.
    package func stop() {
        let wasRunning = inbox.withLock { inbox in
            inbox.phase == .running
        }
        guard wasRunning else { return }
        // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
        execute { [unowned self] in unsafe uv_stop(raw) }
    }

    /// Waits until the loop's thread has ended, and names the handles that nobody had closed by then: each is a
    /// leak in its owner. Blocks; never call it on a loop or in a task.
    @discardableResult
    package func join() -> [String] {
        precondition(!isCurrent, "a loop cannot wait for its own end")
        let mine = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let mine {
            // SAFETY: the thread was made joinable, and whoever took it out of the box joins it once.
            pthread_join(mine, nil)
            finished.open()
        } else if inbox.withLock({ $0.phase != .created && $0.phase != .neverOpened }) {
            finished.wait()
        }
        return leftovers
    }

    private func becomeCurrent() {
        // SAFETY: only compared with, never followed.
        unsafe pthread_setspecific(Self.currentKey, Unmanaged.passUnretained(self).toOpaque())
        unsafe name.withCString { unsafe gateway_name_thread($0) }
    }

    private func threadMain() {
        becomeCurrent()
        // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
        unsafe uv_run(raw, UV_RUN_DEFAULT)
        leftovers = closeDown()
        finishInbox()
    }

    /// Closes what is still open, and says what that was.
    private func closeDown() -> [String] {
        // Handles that were closed in the last iteration end here.
        // SAFETY: the handles are open while the loop runs, and their memory is freed in deinit.
        unsafe uv_run(raw, UV_RUN_NOWAIT)
        acceptsHandles = false
        inbox.withLock { $0.phase = .closing }
        var names = openHandles.values.filter { !$0.isClosed }.map(\.label).sorted()
        names += openLookUps.values.filter(\.isWanted).map(\.label).sorted()
        for handle in openHandles.values { handle.close() }
        for lookUp in openLookUps.values { lookUp.cancel() }
        closeOwnHandles()
        var rounds = 0
        while rounds < 16, unsafe uv_run(raw, UV_RUN_NOWAIT) != 0 || !openHandles.isEmpty { rounds += 1 }
        if unsafe uv_loop_close(raw) != 0 {
            // A look-up that the resolver is busy with cannot be taken back: it keeps the loop's memory until it ends.
            if openLookUps.isEmpty { names.append("handles or requests of a foreign library") }
            inbox.withLock { $0.isAbandoned = true }
        }
        kernelTimer.close()
        return names
    }

    private func closeOwnHandles() {
        // SAFETY: the three were opened in init and are closed once; their memory outlives the close.
        func close(_ pointer: UnsafeMutableRawPointer) {
            unsafe uv_close(pointer.assumingMemoryBound(to: uv_handle_t.self), nil)
        }
        unsafe close(wakeUp)
        unsafe close(beforeWait)
        unsafe close(timer)
    }

    /// Runs what came in while the loop was closing, then leaves latecomers to `startLateThread`.
    private func finishInbox() {
        while true {
            swapInbox()
            if spareItems.isEmpty {
                let isDone = inbox.withLock { inbox in
                    guard inbox.items.isEmpty else { return false }
                    inbox.phase = inbox.isAbandoned ? .abandoned : .stopped
                    inbox.hasLateThread = false
                    return true
                }
                if isDone { return }
            }
            runSpareItems()
        }
    }

    private func startLateThread() {
        do throws(EventLoopError) {
            let late = try LoopThread.spawn { [self] in
                becomeCurrent()
                cachedNow = nil
                finishInbox()
            }
            // SAFETY: nobody joins this one.
            pthread_detach(late)
        } catch {
            // Out of threads: the next latecomer tries again.
            inbox.withLock { $0.hasLateThread = false }
        }
    }
}
