package import Observability
internal import PeerConnection
package import Wire

/// Counts the sound of all sessions of a loop and measures how long it stays in the gateway. Belongs to one loop; what
/// it counts in belongs to the process.
///
/// A sound's stay begins with the iteration of the loop that has read it, and ends when its packet, or its message, is with
/// the kernel. What others of the same iteration have cost before is in it; what waited in the kernel's buffers during the
/// iteration before is not.
package final class SoundMeter {
    /// The time, read anew: it goes on within an iteration.
    private let clock: () -> Instant
    private let packetsUp: Counter
    private let packetsSuppressed: Counter
    private let packetsDown: Counter
    private let thinUplinks: Counter
    private let concealed: Counter
    private let unheard: Counter
    private let waiting: Gauge
    private let lostUp: Counter
    private let lostDown: Counter
    private let jitterUp: Histogram
    private let jitterDown: Histogram
    private let failures: [CodingFailures.Kind: Counter]
    private let stayUp: Histogram
    private let stayDown: Histogram
    private let joining: Histogram
    private let publishing: Histogram

    package init(_ metrics: Metrics, clock: @escaping () -> Instant) {
        self.clock = clock
        packetsUp = metrics.counter(
            "voicegateway_audio_packets_total", help: "Packets of sound to the room (up) and from it (down).",
            labels: ["direction": "up"])
        packetsDown = metrics.counter(
            "voicegateway_audio_packets_total", help: "Packets of sound to the room (up) and from it (down).",
            labels: ["direction": "down"])
        packetsSuppressed = metrics.counter(
            "voicegateway_audio_packets_suppressed_total", help: "Packets of silence that were not sent.")
        thinUplinks = metrics.counter(
            "voicegateway_audio_thin_uplinks_total",
            help: "How often so much of a caller's sound was lost on its way to the room that less was sent.")
        concealed = metrics.counter(
            "voicegateway_audio_concealed_milliseconds_total", help: "Sound of lost packets that had to be invented.")
        unheard = metrics.counter(
            "voicegateway_audio_packets_unheard_total",
            help: "Packets of tracks that were not played because too many tracks had sound.")
        waiting = metrics.gauge(
            "voicegateway_audio_waiting_milliseconds",
            help: "Sound of all callers that waits to be played into the room.")
        let lost: StaticString =
            "Packets of sound that were lost: on the way to the room as it reports (up), and from it (down)."
        lostUp = metrics.counter("voicegateway_rtp_packets_lost_total", help: lost, labels: ["direction": "up"])
        lostDown = metrics.counter("voicegateway_rtp_packets_lost_total", help: lost, labels: ["direction": "down"])
        let jitter: StaticString =
            "Interarrival jitter of each call, looked at twice a second: as the room reports it (up), and of what it sends (down)."
        jitterUp = metrics.histogram("voicegateway_rtp_jitter_seconds", help: jitter, labels: ["direction": "up"])
        jitterDown = metrics.histogram("voicegateway_rtp_jitter_seconds", help: jitter, labels: ["direction": "down"])
        failures = metrics.counters(
            "voicegateway_audio_coding_failures_total",
            help:
                "Sound that was lost because it could not be coded: no encoder or decoder, or a frame or packet that it refused.",
            label: "kind", of: CodingFailures.Kind.allCases, text: \.rawValue)
        let stays: StaticString =
            "How long sound stays in the gateway: from its last byte to its packet (up), from its packet to its message (down)."
        stayUp = metrics.histogram("voicegateway_audio_delay_seconds", help: stays, labels: ["direction": "up"])
        stayDown = metrics.histogram("voicegateway_audio_delay_seconds", help: stays, labels: ["direction": "down"])
        joining = metrics.histogram(
            "voicegateway_joined_seconds", help: "From the open WebSocket to the joined room.")
        publishing = metrics.histogram(
            "voicegateway_published_seconds", help: "From the open WebSocket to the published microphone.")
    }

    /// A packet has been given to the room, whose socket sends at once.
    /// - Parameter arrival: when its last byte had come; nil for silence of ours.
    func sent(arrival: Instant?) {
        packetsUp.add()
        if let arrival { stayUp.add(nanoseconds: clock().nanoseconds(since: arrival)) }
    }

    func suppressed() { packetsSuppressed.add() }

    func thinned() { thinUplinks.add() }

    func received() { packetsDown.add() }

    func passedOver() { unheard.add() }

    /// So much more of a caller's sound waits than before, in milliseconds.
    func waits(more milliseconds: Int) { waiting.add(milliseconds) }

    func link(up way: LinkQuality.Way, lost: Int) {
        lostUp.add(lost)
        jitterUp.add(nanoseconds: way.jitter.nanoseconds)
    }

    func link(down way: LinkQuality.Way, lost: Int) {
        lostDown.add(lost)
        jitterDown.add(nanoseconds: way.jitter.nanoseconds)
    }

    func failed(_ kind: CodingFailures.Kind) { failures[kind]?.add() }

    func conceals(samples: Int) { concealed.add(samples / 48) }

    /// A message with sound has been given to the client, whose socket sends at once unless it is slow.
    /// - Parameter arrival: that of the packet which completed it.
    func played(arrival: Instant) { stayDown.add(nanoseconds: clock().nanoseconds(since: arrival)) }

    func joined(after duration: Duration) { joining.add(nanoseconds: duration.nanoseconds) }

    func published(after duration: Duration) { publishing.add(nanoseconds: duration.nanoseconds) }
}
