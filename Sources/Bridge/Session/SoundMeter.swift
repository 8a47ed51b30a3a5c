package import Observability
package import Wire

/// Counts the sound of all sessions of a shard and measures how long it stays in the gateway. Belongs to one loop; what
/// it counts in belongs to the process.
///
/// A sound's stay ends when the loop has handed everything of the turn to the kernel: what leaves together at the end of
/// a turn has not left before. It begins with the turn that has read it. So a stay is never measured too short, but what
/// waited in the kernel's buffers while the loop was busy is not in it.
package final class SoundMeter {
    /// Asked for at most once a turn: `turnEnded` is to be called when the turn has sent what it had to send.
    private let requestEnd: () -> Void
    private let packetsUp: Counter
    private let packetsSuppressed: Counter
    private let packetsDown: Counter
    private let concealed: Counter
    private let stayUp: Histogram
    private let stayDown: Histogram
    private let joining: Histogram
    private let publishing: Histogram
    private var arrivalsUp: [Instant] = []
    private var arrivalsDown: [Instant] = []

    package init(_ metrics: Metrics, requestEnd: @escaping () -> Void) {
        self.requestEnd = requestEnd
        packetsUp = metrics.counter(
            "voicegateway_audio_packets_total", help: "Packets of sound to the room (up) and from it (down).",
            labels: ["direction": "up"])
        packetsDown = metrics.counter(
            "voicegateway_audio_packets_total", help: "Packets of sound to the room (up) and from it (down).",
            labels: ["direction": "down"])
        packetsSuppressed = metrics.counter(
            "voicegateway_audio_packets_suppressed_total", help: "Packets of silence that were not sent.")
        concealed = metrics.counter(
            "voicegateway_audio_concealed_milliseconds_total", help: "Sound of lost packets that had to be invented.")
        let stays: StaticString =
            "How long sound stays in the gateway: from its last byte to its packet (up), from its packet to its message (down)."
        stayUp = metrics.histogram("voicegateway_audio_delay_seconds", help: stays, labels: ["direction": "up"])
        stayDown = metrics.histogram("voicegateway_audio_delay_seconds", help: stays, labels: ["direction": "down"])
        joining = metrics.histogram(
            "voicegateway_joined_seconds", help: "From the open WebSocket to the joined room.")
        publishing = metrics.histogram(
            "voicegateway_published_seconds", help: "From the open WebSocket to the published microphone.")
    }

    /// A packet has been given to the room.
    /// - Parameter arrival: when its last byte had come; nil for silence of ours.
    func sent(arrival: Instant?) {
        packetsUp.add()
        guard let arrival else { return }
        if !isWaiting { requestEnd() }
        arrivalsUp.append(arrival)
    }

    func suppressed() { packetsSuppressed.add() }

    func received() { packetsDown.add() }

    func conceals(samples: Int) { concealed.add(samples / 48) }

    /// A message with sound has been given to the client. - Parameter arrival: that of the packet which completed it.
    func played(arrival: Instant) {
        if !isWaiting { requestEnd() }
        arrivalsDown.append(arrival)
    }

    func joined(after duration: Duration) { joining.add(nanoseconds: duration.nanoseconds) }

    func published(after duration: Duration) { publishing.add(nanoseconds: duration.nanoseconds) }

    /// Whether the end of the turn has been asked for.
    private var isWaiting: Bool { !arrivalsUp.isEmpty || !arrivalsDown.isEmpty }

    /// All that was noted has left. - Parameter now: read at this moment.
    package func turnEnded(now: Instant) {
        for arrival in arrivalsUp { stayUp.add(nanoseconds: (now - arrival).nanoseconds) }
        for arrival in arrivalsDown { stayDown.add(nanoseconds: (now - arrival).nanoseconds) }
        arrivalsUp.removeAll(keepingCapacity: true)
        arrivalsDown.removeAll(keepingCapacity: true)
    }
}
