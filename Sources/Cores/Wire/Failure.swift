/// Who has to do something about a failure. The raw values are what clients are told.
package enum Blame: String, Hashable, Sendable, CaseIterable {
    /// Whoever asked: a wrong parameter, a wrong room, a wrong message.
    case client
    /// The LiveKit deployment, or the network on the way to it.
    case room
    /// Whoever runs the gateway: settings, keys, addresses, certificates, firewalls.
    case `operator`
    /// This process.
    case gateway
}

/// What went wrong, in the form in which it travels from whoever noticed it to whoever is told.
package struct Failure: Error, Hashable, Sendable {
    package var blame: Blame
    /// Whether the same attempt may succeed a little later.
    package var isRetryable: Bool
    /// What happened, for callers: a sentence in our words, without addresses, keys and what other programs said.
    package var summary: String
    /// What happened, for the operator's log: the same with addresses and the words of other programs, tokens left out.
    package var detail: String

    /// - Parameter detail: by default there is nothing to add to the summary.
    package init(_ summary: String, detail: String? = nil, blame: Blame, isRetryable: Bool = false) {
        self.summary = summary
        self.detail = detail ?? summary
        self.blame = blame
        self.isRetryable = isRetryable
    }
}

extension Failure: CustomStringConvertible {
    package var description: String { detail }
}

/// An error of one part of the program that says as what failure it is reported. Its cases are for those who decide by
/// them; everybody else works with the failure.
package protocol FailureConvertible: Error, CustomStringConvertible {
    var failure: Failure { get }
}

extension FailureConvertible {
    package var blame: Blame { failure.blame }
    package var isRetryable: Bool { failure.isRetryable }
    package var summary: String { failure.summary }
    /// For the operator's log.
    package var description: String { failure.detail }
}
