internal import PeerConnection

/// What a call's packets met on their way, over all of its connections to rooms.
struct LinkRecord {
    struct Way {
        private(set) var lostPackets = 0
        private(set) var greatestJitter = Duration.zero
        private var last = 0

        /// Returns how many more have been lost.
        mutating func note(_ way: LinkQuality.Way) -> Int {
            // A connection that is new, or a track that is gone, counts from nothing again.
            let new = max(0, way.lostPackets - last)
            last = way.lostPackets
            lostPackets += new
            greatestJitter = max(greatestJitter, way.jitter)
            return new
        }
    }

    private(set) var up = Way()
    private(set) var down = Way()

    /// Takes note of how it is now, and counts it for the process.
    mutating func note(_ quality: LinkQuality, _ meter: SoundMeter?) {
        let lost = (up: up.note(quality.sent), down: down.note(quality.received))
        meter?.link(up: quality.sent, lost: lost.up)
        meter?.link(down: quality.received, lost: lost.down)
    }
}
