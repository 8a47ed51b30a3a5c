package import HTTP

/// What a load test does.
package struct LoadPlan: Hashable, Sendable {
    /// What a room consists of.
    package enum Topology: Hashable, Sendable {
        /// Two clients that talk to each other: what one says, the other must hear.
        case pairs
        /// One client and the agent of that name (empty: the gateway's own).
        case agent(String)
    }

    /// What the clients send that do not talk.
    package enum Rest: String, CaseIterable, Hashable, Sendable {
        /// Nothing, as a client does that detects speech itself.
        case nothing
        /// A quiet room, as an open microphone hears it.
        case noise
        /// Zeros.
        case zeros
    }

    /// The gateway; the parameters of each client are appended to the query.
    package var url: HTTPURL
    /// More session parameters for every client, already encoded as a query.
    package var query = ""
    package var topology = Topology.pairs
    package var sessions = 10
    /// The share of the sessions that talk, 0 to 1.
    package var talking = 1.0
    package var rest = Rest.nothing
    package var isOpus = false
    /// New connections a second.
    package var connectRate = 20.0
    /// Between the last connection and the measured time.
    package var warmUp = Duration.seconds(5)
    /// The measured time.
    package var duration = Duration.seconds(20)
    /// Processes whose CPU time and memory are measured beside, by their ids.
    package var watched: [Int32] = []
    /// Makes rooms and identities of this run different from those of others.
    package var name = "load"

    package init(url: HTTPURL) { self.url = url }

    /// How long a client may take to be connected and in its room.
    static let connectPatience = Duration.seconds(15)
    /// Between a client's being in its room and the first word of the other one, who was there before: by then
    /// each has subscribed to the other's track.
    static let answerDelay = Duration.seconds(1)
    /// How long sound may still be under way when no client talks any more.
    static let draining = Duration.seconds(2)

    /// Whether the client of that number talks. Evenly spread, whatever the share is.
    func talks(_ index: Int) -> Bool {
        Int((Double(index + 1) * talking).rounded(.down)) > Int((Double(index) * talking).rounded(.down))
    }
}
