package import Wire

/// Tells when the caller begins and stops to speak, from when it was last heard to: for clients that want to know, not for the
/// agent, which hears better. Pure.
package struct CallerSpeech: Sendable {
    package struct Change: Hashable, Sendable {
        package let speaks: Bool
        /// Where in the caller's sound the speech began, or ended, in ms.
        package let place: Int
    }

    /// What is shorter is a noise.
    package static let shortest = Duration.milliseconds(100)
    /// Sounds that are further apart are not one speech, before it is one.
    package static let longestGap = Duration.milliseconds(200)
    /// A pause that ends it.
    package static let pause = Duration.milliseconds(500)

    private var isSpeaking = false
    /// When what is heard began, and when it was heard last; nil when nothing is.
    private var heard: (first: Mark, last: Mark)?

    /// A time, and where in the caller's sound that was, in ms.
    private struct Mark {
        let time: Instant
        let place: Int
    }

    package init() {}

    /// - Parameters:
    ///   - lastSpeech: when the caller was last heard to speak.
    ///   - place: how many ms of its sound there were until now.
    package mutating func follow(lastSpeech: Instant?, at place: Int, now: Instant) -> Change? {
        if let lastSpeech, lastSpeech != heard?.last.time, now - lastSpeech < Self.pause {
            let mark = Mark(time: lastSpeech, place: place)
            let isNew = heard.map { !isSpeaking && lastSpeech - $0.last.time > Self.longestGap } ?? true
            heard = (isNew ? mark : heard?.first ?? mark, mark)
        }
        guard let heard else { return nil }
        if !isSpeaking, heard.last.time - heard.first.time >= Self.shortest {
            isSpeaking = true
            return Change(speaks: true, place: heard.first.place)
        }
        guard now - heard.last.time >= Self.pause else { return nil }
        self.heard = nil
        guard isSpeaking else { return nil }
        isSpeaking = false
        return Change(speaks: false, place: heard.last.place)
    }
}
