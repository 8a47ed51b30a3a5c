internal import ClientProtocol
internal import Glibc
internal import Wire

/// What a person sees of a call: a line for each event, and below them, on a terminal, how loud both sides are.
struct CallDisplay {
    /// How often the meter is drawn.
    static let meterInterval: Duration = .milliseconds(100)
    private static let meterWidth = 16

    private let showsMeter: Bool
    private let startedAt: Instant
    private var meterIsShown = false
    private var nextMeter: Instant
    private var spoken = 0
    private var heard = 0

    /// - Parameter showsMeter: nil for when standard output is a terminal.
    init(now: Instant, showsMeter: Bool? = nil) {
        self.showsMeter = showsMeter ?? (isatty(STDOUT_FILENO) == 1)
        startedAt = now
        nextMeter = now
    }

    /// A line with the time since the start in front.
    mutating func show(_ line: String, now: Instant) {
        let time = CallEventText.seconds(now - startedAt)
        showBare(String(repeating: " ", count: max(0, 9 - time.count)) + time + "  " + line)
    }

    /// A line as it is.
    mutating func showBare(_ line: String) {
        clearMeter()
        Console.print(line + "\n")
    }

    /// Notes how loud this side is (root mean square).
    mutating func note(spoken level: Int) { spoken = max(spoken, level) }

    /// Notes how loud the peer is.
    mutating func note(heard level: Int) { heard = max(heard, level) }

    /// Draws the meter when it is time.
    mutating func refresh(now: Instant) {
        guard showsMeter, now >= nextMeter else { return }
        nextMeter = now + Self.meterInterval
        Console.print("\r\u{1B}[2K   you \(Self.bar(spoken))  agent \(Self.bar(heard))")
        meterIsShown = true
        spoken = 0
        heard = 0
    }

    mutating func clearMeter() {
        guard meterIsShown else { return }
        Console.print("\r\u{1B}[2K")
        meterIsShown = false
    }

    /// Loudness from -60 dB to full scale.
    static func bar(_ rootMeanSquare: Int) -> String {
        let below = Int(SoundLevel.audioLevel(rootMeanSquare: rootMeanSquare))
        let filled = max(0, min(meterWidth, (60 - below) * meterWidth / 60))
        return String(repeating: "█", count: filled) + String(repeating: "·", count: meterWidth - filled)
    }
}
