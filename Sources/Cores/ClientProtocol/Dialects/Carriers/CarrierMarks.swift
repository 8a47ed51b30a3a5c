/// The marks behind the agent's replies: which have been set, and which of those that come back say that a reply has been
/// heard. After a clear some carriers return all marks at once, and some none.
struct CarrierMarks: Hashable, Sendable {
    private static let prefix = "vg-"

    /// Number of the latest mark, and of the latest one whose sound was cleared.
    private var sent = 0
    private var cleared = 0
    /// Sound has been sent since the latest mark.
    private var hasUnmarkedSound = false

    mutating func noteSound() { hasUnmarkedSound = true }

    /// The reply is over: the name of its mark; nil when none is needed.
    mutating func next() -> String? {
        guard hasUnmarkedSound else { return nil }
        hasUnmarkedSound = false
        sent += 1
        return Self.prefix + String(sent)
    }

    /// What has not been played will not be.
    mutating func clear() {
        cleared = sent
        hasUnmarkedSound = false
    }

    /// Whether a mark that came back says that its sound has been heard.
    func hasBeenHeard(_ name: String) -> Bool {
        guard name.hasPrefix(Self.prefix), let number = Int(name.dropFirst(Self.prefix.count)) else { return false }
        return number > cleared && number <= sent
    }
}
