/// Messages that wait: those of the client until somebody can take them, and those from the room until their sender is
/// known.
struct WaitingMessages {
    var toRoom = UndeliveredMessages()
    var fromRoom: UnintroducedData

    init(limits: Limits) { fromRoom = UnintroducedData(grace: limits.introductionGrace) }
}
