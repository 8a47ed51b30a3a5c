internal import CLibUV

/// What the process gives back to the system of the memory that it has freed. From any thread.
///
/// malloc keeps what is freed between blocks that are in use, and sessions leave much of that behind: encoders of the silent,
/// the buffers of handshakes, everything when a crowd has gone.
package enum ProcessMemory {
    /// Blocks of this size, in bytes, have pages of their own: an Opus encoder (43 KB) is above it, what comes and goes
    /// with datagrams and records (17 KB) is below.
    package static let ownPagesFrom = 32_768
    /// How much must have been freed, in bytes, before looking through all of it is worth while.
    package static let worthwhile = 1 << 20

    /// Lets large blocks go back as soon as they are freed. To be called once, before memory is used.
    package static func returnLargeBlocks() { gateway_map_blocks_from(ownPagesFrom) }

    /// Bytes that have been freed and are kept for later, whether the system has their pages back or not.
    package static var freeBytes: Int { Int(clamping: gateway_free_bytes()) }

    /// Gives back whole pages of freed memory. Takes about a millisecond for a few thousand holes, in which a thread
    /// that allocates from the same arena waits.
    package static func returnFree() { gateway_trim_memory() }
}
