internal import ClientProtocol

/// The text message of a client that comes in pieces because it is large. One that must not be taken is read past.
struct LargeMessageIntake {
    private enum State {
        case none
        case taken(LargeMessageReader)
        case passedOver
    }

    private var state = State.none

    /// Whether more of a message is to come.
    var isUnderWay: Bool { if case .none = state { false } else { true } }

    /// - Parameters:
    ///   - member: the one with the sound.
    ///   - expected: how long the message is, as far as that is known.
    mutating func begin(isTaken: Bool, member: String, expected: Int) {
        state = isTaken ? .taken(LargeMessageReader(member: member, expecting: expected)) : .passedOver
    }

    /// What is missing of it will not come.
    mutating func giveUp() { state = .none }

    /// Reads the next piece. Returns the message when that was the last.
    mutating func receive(_ piece: RawSpan, isLast: Bool) -> LargeMessage? {
        guard case .taken(var reader) = state else {
            if isLast { state = .none }
            return nil
        }
        // What has been read must not be held twice while it changes.
        state = .none
        reader.append(piece)
        guard isLast else {
            state = .taken(reader)
            return nil
        }
        return reader.finish()
    }
}
