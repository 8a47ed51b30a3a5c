/// What a client is told although nothing has failed.
package enum ClientWarning: Hashable, Sendable {
    /// It has said something that has no effect.
    case unknownParameter(UnknownParameter)
    /// It reads too slowly: so many messages of sound were given up since it was last told.
    case slow(droppedMessages: Int)

    /// For programs.
    package var code: String {
        switch self {
        case .unknownParameter: "unknown_parameter"
        case .slow: "slow"
        }
    }

    /// One sentence for people.
    package var message: String {
        switch self {
        case .unknownParameter(let parameter): parameter.message
        case .slow(let count):
            "\(count) messages of sound were dropped, the oldest first: the client, or the network to it, takes less than what comes"
        }
    }
}
