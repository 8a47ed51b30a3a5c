internal import CLibUV
internal import Glibc

/// Base of everything that libuv watches for us. Open from `init` until `close`; the loop holds it until libuv has
/// let go, so owners need not. Whoever opens one must close it: the loop names those left over when it stops.
///
/// Belongs to the loop's thread.
// SAFETY: libuv has the memory from open to close, and it is freed in deinit, after that.
@safe
package class LoopHandle {
    package let loop: EventLoop
    /// What a leftover is called.
    package let label: String
    /// Whether `close` has been called.
    package private(set) var isClosed = false
    private let memory: UnsafeMutableRawPointer

    /// - Parameter initialize: libuv's init function, given the zeroed memory.
    init(
        loop: EventLoop, type: uv_handle_type, label: String, initialize: (UnsafeMutableRawPointer) -> Int32
    ) throws(EventLoopError) {
        loop.preconditionCurrent("a handle")
        guard loop.acceptsHandles else { throw .loopStopped }
        self.loop = loop
        self.label = label
        let size = uv_handle_size(type)
        // SAFETY: the size is libuv's own; freed in deinit, which comes after libuv's close callback.
        unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        let code = unsafe initialize(memory)
        guard code == 0 else {
            isClosed = true
            throw EventLoopError(code, operation: "open \(label)")
        }
        unsafe pointer(as: uv_handle_t.self).pointee.data = unsafe Unmanaged.passUnretained(self).toOpaque()
        loop.register(self)
    }

    deinit {
        // SAFETY: libuv has called back after close, or never knew the memory.
        unsafe memory.deallocate()
    }

    /// Gives the handle back. No callback comes afterwards but those that say so.
    package func close() {
        loop.preconditionCurrent("a handle")
        guard !isClosed else { return }
        isClosed = true
        willClose()
        // SAFETY: the loop holds a reference until the callback.
        unsafe uv_close(pointer(as: uv_handle_t.self)) { handle in
            let owner = unsafe LoopHandle.owner(of: handle.unsafelyUnwrapped.pointee.data, as: LoopHandle.self)
            owner.didClose()
            owner.loop.unregister(owner)
        }
    }

    /// Before libuv closes: let go of closures.
    func willClose() {}

    /// After libuv has let go: close descriptors that are our own.
    func didClose() {}

    func pointer<Raw>(as type: Raw.Type) -> UnsafeMutablePointer<Raw> {
        // SAFETY: each subclass names the libuv type that it was made with, or one of its bases.
        unsafe memory.assumingMemoryBound(to: type)
    }

    static func owner<Owner: LoopHandle>(of data: UnsafeMutableRawPointer?, as type: Owner.Type) -> Owner {
        // SAFETY: `data` is set in init to the object itself, which the loop keeps alive while callbacks can come.
        unsafe Unmanaged<Owner>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
    }
}
