package import Observability

/// Counts what of a session's sound could not be coded, and logs each kind of it once a session: the caller or the agent
/// is mute then, and nobody would learn why. Belongs to one loop.
package final class CodingFailures {
    package enum Kind: String, Hashable, CaseIterable, Sendable {
        /// No encoder could be made: out of memory, or a fault of ours.
        case encoder
        /// A frame could not be encoded.
        case frame
        /// No decoder could be made.
        case decoder
        /// A packet from the room could not be decoded.
        case packet
    }

    package private(set) var count = 0
    private var logged: Set<Kind> = []
    private let meter: SoundMeter?
    private let log: Log?

    package init(meter: SoundMeter? = nil, log: Log? = nil) {
        self.meter = meter
        self.log = log
    }

    package func note(_ kind: Kind) {
        count += 1
        meter?.failed(kind)
        if logged.insert(kind).inserted { log?.warning("sound could not be coded", ["what": kind.rawValue]) }
    }
}
