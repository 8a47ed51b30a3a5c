internal import Signalling

/// Requests to the server that wait for a connection, and those whose answer somebody waits for.
struct PendingRequests {
    /// Requests that wait while the connection is away.
    static let maximumWaiting = 256

    typealias Completion = (RequestResponse) -> Void

    private var waiting: [SignalRequest.Message] = []
    private var lastID: UInt32 = 0
    private var completions: [UInt32: Completion] = [:]

    /// A request to change our own entry; `completion` gets the answer.
    mutating func update(attributes: [String: String], _ completion: Completion?) -> SignalRequest.Message {
        lastID &+= 1
        completions[lastID] = completion
        return .updateMetadata(
            .with {
                $0.attributes = attributes
                $0.requestId = lastID
            })
    }

    /// Keeps a request until the connection is back; beyond the maximum it is lost.
    mutating func keep(_ message: SignalRequest.Message) {
        if waiting.count < Self.maximumWaiting { waiting.append(message) }
    }

    /// The requests that have waited, in order.
    mutating func takeWaiting() -> [SignalRequest.Message] {
        defer { waiting = [] }
        return waiting
    }

    /// Who waits for this answer; nil when nobody does.
    mutating func completion(for response: RequestResponse) -> Completion? {
        completions.removeValue(forKey: response.requestId)
    }

    /// The session is another one: requests about its tracks mean nothing to it, and those under way will not be answered.
    /// - Returns: who waits in vain.
    mutating func sessionEnded() -> [Completion] {
        waiting.removeAll { if case .updateMetadata = $0 { false } else { true } }
        let kept = Set(waiting.compactMap { if case .updateMetadata(let it) = $0 { it.requestId } else { nil } })
        return takeCompletions { !kept.contains($0) }
    }

    /// It is all over.
    mutating func closed() -> [Completion] {
        waiting = []
        return takeCompletions { _ in true }
    }

    private mutating func takeCompletions(where isOver: (UInt32) -> Bool) -> [Completion] {
        let over = completions.keys.filter(isOver).sorted()
        return over.compactMap { completions.removeValue(forKey: $0) }
    }
}
