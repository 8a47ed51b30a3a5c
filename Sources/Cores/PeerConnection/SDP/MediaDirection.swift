/// Which way media flows in a section, seen from the side that wrote the description (RFC 8866 section 6.7).
package enum MediaDirection: String, Hashable, Sendable, CaseIterable {
    case sendReceive = "sendrecv"
    case sendOnly = "sendonly"
    case receiveOnly = "recvonly"
    case inactive

    package init(sends: Bool, receives: Bool) {
        switch (sends, receives) {
        case (true, true): self = .sendReceive
        case (true, false): self = .sendOnly
        case (false, true): self = .receiveOnly
        case (false, false): self = .inactive
        }
    }

    /// Whether the writer sends.
    package var sends: Bool { self == .sendReceive || self == .sendOnly }
    /// Whether the writer is ready to receive.
    package var receives: Bool { self == .sendReceive || self == .receiveOnly }

    /// The same flow seen from the other side.
    package var reversed: MediaDirection { MediaDirection(sends: receives, receives: sends) }
}
