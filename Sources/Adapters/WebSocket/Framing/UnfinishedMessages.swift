internal import Synchronization

/// How much memory the messages of all connections may take together that have begun and not ended. May be shared by
/// threads.
package final class UnfinishedMessages: Sendable {
    /// Sixteen of the largest that a client may send.
    package static let shared = UnfinishedMessages(maximumBytes: 256 << 20)

    /// Memory is counted in pieces of so many bytes, so that short messages count as nothing.
    static let pieceBytes = 65_536

    private let maximumBytes: Int
    private let bytes = Atomic<Int>(0)

    package init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// What is taken at the moment.
    package var currentBytes: Int { bytes.load(ordering: .relaxed) }

    /// Takes so much; false, and nothing is taken, when that is not there.
    func take(_ count: Int) -> Bool {
        let (_, total) = bytes.add(count, ordering: .relaxed)
        if total <= maximumBytes { return true }
        give(count)
        return false
    }

    func give(_ count: Int) { bytes.subtract(count, ordering: .relaxed) }
}
