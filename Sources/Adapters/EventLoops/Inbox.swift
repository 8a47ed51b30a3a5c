/// What other threads hand to a loop.
struct Inbox {
    enum Item {
        case body(@Sendable () -> Void)
        case job(UnownedJob)
    }

    enum Phase {
        /// The loop could not be made.
        case neverOpened
        case created
        case running
        /// The loop's thread closes handles and still empties the inbox at the end.
        case closing
        /// Closed; latecomers get a thread of their own.
        case stopped
        /// Like stopped, but foreign handles still point to the loop, so its memory stays.
        case abandoned
    }

    var items: [Item] = []
    /// The loop has been told and has not looked yet.
    var isWakePending = false
    var phase = Phase.created
    var isAbandoned = false
    var hasLateThread = false
}
