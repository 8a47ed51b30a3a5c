/// What waits in both directions until somebody can take it, or is known.
struct WaitingMessages {
    var toRoom = UndeliveredMessages()
    var fromRoom: UnintroducedData

    init(limits: Limits) { fromRoom = UnintroducedData(grace: limits.introductionGrace) }
}
