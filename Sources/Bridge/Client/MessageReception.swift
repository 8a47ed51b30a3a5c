/// What becomes of a client's message.
enum MessageReception: Hashable {
    case taken
    /// Messages come too fast: this one is passed over, and the client has been told.
    case passedOver
    /// Messages come too fast for the session to go on.
    case refused(SessionRefusal)
}
