package import Wire

/// A call as the admin API shows it, as far as a table has room for it. What is missing or strange in an answer is empty or 0:
/// the gateway may be of another version.
package struct CallRow: Hashable, Sendable {
    package var session = ""
    package var room = ""
    package var identity = ""
    package var agent = ""
    package var dialect = ""
    package var address = ""
    /// The id of the gateway that has the call.
    package var gateway = ""
    /// How far the call is.
    package var state = ""
    /// What the agent does; empty when that is not known.
    package var agentState = ""
    /// Since it began.
    package var seconds = 0
    package var replies = 0
    package var interruptions = 0
    /// From the beginning of the call to the first sound of the agent, in milliseconds; nil: none yet.
    package var firstSound: Int?
    /// The caller's sound that waits now, in milliseconds.
    package var queued = 0
    /// The longest that the caller's sound has waited, in milliseconds.
    package var longestDelay = 0
    /// The agent's sound that got lost on its way from the room, in milliseconds.
    package var lost = 0
    /// The caller's sound that was given up, in milliseconds, and messages to the caller.
    package var dropped = 0
    /// Times that the client came back, or the room's connection did.
    package var returns = 0

    package init() {}

    package init(_ call: JSONValue) {
        func text(_ name: String) -> String { CallEventText.clean(call[name]?.string ?? "") }
        func number(_ value: JSONValue?) -> Int { value?.integer.map { Int(clamping: $0) } ?? 0 }
        session = text("id")
        room = text("room")
        identity = text("identity")
        agent = text("agent")
        dialect = text("dialect")
        address = text("address")
        gateway = text("gateway")
        state = text("state")
        agentState = text("agent_state")
        seconds = number(call["seconds"])
        replies = number(call["replies"])
        interruptions = number(call["interruptions"])
        firstSound = call["first_sound_ms"]?.integer.map { Int(clamping: $0) }
        queued = number(call["up"]?["queued_ms"])
        longestDelay = number(call["up"]?["longest_delay_ms"])
        lost = number(call["down"]?["concealed_ms"])
        dropped = number(call["up"]?["dropped_ms"]) &+ number(call["down"]?["dropped_messages"])
        returns = number(call["resumes"]) &+ number(call["reconnects"])
    }
}
