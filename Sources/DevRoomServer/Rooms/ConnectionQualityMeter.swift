internal import Signalling
internal import Wire

/// Judges a participant's connection by how much of its sound is lost on the way to us.
struct ConnectionQualityMeter {
    static let interval: Duration = .seconds(5)
    /// Shares of lost packets up to which a connection is excellent, and good.
    static let excellentLoss = 0.02
    static let goodLoss = 0.08
    /// Fewer packets than this say nothing.
    static let minimumPackets: Int64 = 10

    private var received: Int64 = 0
    private var lost: Int64 = 0
    private(set) var quality = ConnectionQuality.excellent

    /// Takes the counts since the beginning. Returns how the last interval was; without enough packets it is as before.
    mutating func update(received newReceived: Int64, lost newLost: Int64, isConnected: Bool) -> ConnectionQuality {
        let receivedNow = max(0, newReceived - received)
        let lostNow = max(0, newLost - lost)
        received = newReceived
        lost = newLost
        guard isConnected else { return .lost }
        if receivedNow + lostNow >= Self.minimumPackets {
            let share = Double(lostNow) / Double(receivedNow + lostNow)
            quality = share <= Self.excellentLoss ? .excellent : share <= Self.goodLoss ? .good : .poor
        }
        return quality
    }
}

extension Room {
    /// Takes everybody's quality. If any has changed, each participant is told its own and that of whom it hears.
    mutating func updateQualities(_ present: [String: ConnectionQuality]) {
        let qualities = present.filter { index(of: $0.key) != nil }
        guard qualities != toldQualities else { return }
        toldQualities = qualities
        for participant in participants where participant.isActive {
            let heard = participants.filter { other in
                other.sid == participant.sid
                    || other.tracks.contains { participant.subscriptions[$0.info.sid] != nil }
            }
            let updates = heard.compactMap { other in
                qualities[other.sid].map { quality in
                    ConnectionQualityInfo.with {
                        $0.participantSid = other.sid
                        $0.quality = quality
                        $0.score = quality == .excellent ? 5 : quality == .good ? 3.5 : quality == .poor ? 2 : 0
                    }
                }
            }
            if !updates.isEmpty { signal(.connectionQuality(.with { $0.updates = updates }), to: participant.sid) }
        }
    }
}
