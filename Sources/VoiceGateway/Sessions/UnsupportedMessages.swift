internal import Observability

/// Counts what participants send to a caller and no client can be told, because its protocol has no form for it. Belongs
/// to one loop; what it counts in belongs to the process.
struct UnsupportedMessageCounters {
    enum Kind: String, CaseIterable {
        /// A text stream on `lk.chat`, or a chat packet.
        case chat
        /// A text stream on another topic.
        case textStream = "text_stream"
        case byteStream = "byte_stream"
        /// A call of a method that the client does not have. The caller of it gets an error.
        case rpc
        /// A data packet on a topic of LiveKit's own.
        case data
    }

    private let counters: [Kind: Counter]

    init(_ metrics: Metrics) {
        counters = metrics.counters(
            "voicegateway_unsupported_messages_total",
            help: "Messages of participants that have no form for clients and were passed over.", label: "kind",
            of: Kind.allCases, text: \.rawValue)
    }

    func add(_ kind: Kind) { counters[kind]?.add() }
}

/// The same for one session, which logs each kind once.
struct UnsupportedMessages {
    private let counters: UnsupportedMessageCounters
    private let log: Log
    private var logged: Set<UnsupportedMessageCounters.Kind> = []

    init(_ counters: UnsupportedMessageCounters, log: Log) {
        self.counters = counters
        self.log = log
    }

    /// - Parameters:
    ///   - name: the topic or the method.
    ///   - sender: who has sent it.
    mutating func note(_ kind: UnsupportedMessageCounters.Kind, _ name: String, from sender: String) {
        counters.add(kind)
        guard logged.insert(kind).inserted else { return }
        log.info(
            "clients cannot be told of this message; more of its kind are counted",
            ["kind": kind.rawValue, "name": String(name.prefix(64)), "sender": String(sender.prefix(64))])
    }
}
