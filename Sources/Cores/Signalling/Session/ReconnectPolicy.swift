internal import Wire

/// How often and how soon to reconnect (docs/livekit-protocol.md#attempts): a resume first where it is allowed, full
/// reconnects after a resume failed, random growing pauses, then an end. A server that could not be reached has not
/// refused a resume, so it may be asked again; the last attempts join anew all the same, in case something on the way
/// takes nothing else.
package struct ReconnectPolicy: Sendable {
    /// What to try next.
    package enum Attempt: Hashable, Sendable {
        /// Open the signalling socket again and keep the session.
        case resume
        /// Join anew.
        case full
    }

    package static let maximumAttempts = 10
    package static let maximumResumes = 7
    package static let firstPause = Duration.milliseconds(300)
    package static let longestPause = Duration.seconds(7)
    /// A connection that lasted for so long counts as a success.
    package static let stableTime = Duration.seconds(15)
    /// Attempts that are remembered beyond a connection that did not last: pauses stay long, but trying goes on.
    package static let maximumRememberedAttempts = 6

    private var attempts = 0
    private var mayResume: Bool

    /// `mayResume` is false when the server forbids it or the session is known to be gone.
    package init(mayResume: Bool) { self.mayResume = mayResume }

    /// The connection was lost again, after it had been up for `uptime`. A server that takes everybody in and loses
    /// everybody at once is not asked more often than one that takes nobody in.
    package mutating func lost(mayResume: Bool, uptime: Duration) {
        self.mayResume = mayResume
        attempts = uptime >= Self.stableTime ? 0 : min(attempts, Self.maximumRememberedAttempts)
    }

    /// How many attempts were handed out.
    package var attemptCount: Int { attempts }

    /// The next attempt and the pause before it; nil when it is time to give up.
    package mutating func next(
        random: inout some RandomNumberGenerator
    ) -> (attempt: Attempt, pause: Duration)? {
        guard attempts < Self.maximumAttempts else { return nil }
        defer { attempts += 1 }
        let attempt: Attempt = mayResume && attempts < Self.maximumResumes ? .resume : .full
        // The first attempt comes at once: most losses are short, and a caller waits.
        guard attempts > 0 else { return (attempt, .zero) }
        let longest = min(Self.longestPause.nanoseconds, Self.firstPause.nanoseconds << Int64(attempts - 1))
        return (attempt, .nanoseconds(Int64.random(in: 0...longest, using: &random)))
    }

    /// The server could not be asked, and keeps the session: sound flows. Trying goes on, with long pauses, until one of the two
    /// changes.
    package mutating func sessionIsKept() { attempts = min(attempts, Self.maximumRememberedAttempts) }

    /// A resume failed, or the server ordered a full reconnect.
    package mutating func resumeIsImpossible() { mayResume = false }
}
