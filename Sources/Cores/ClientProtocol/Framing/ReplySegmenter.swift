package import Wire

/// Cuts the agent's sound into pieces for clients that play each message as a file of its own, one after the other.
///
/// Sound arrives in real time, so a piece can be as long as what the client still has to play: a longer one would
/// come after the client has run dry. The first piece is short, for a fast first sound, and is what the client is
/// behind from then on; with each joint, where players lose a few milliseconds, the client falls back a little and
/// pieces grow. Where a joint falls into a pause between words it may take longer, so that pieces grow faster. Cuts fall
/// on quiet places. Silence is not sent: a pause is made by the time at which sound goes on,
/// and short ones, the rhythm of speech, stay inside their piece.
///
/// Pure: samples and time in; pieces out by `poll`, deadlines by `nextDeadline`.
package struct ReplySegmenter: Sendable {
    /// What the pieces are like.
    package struct Configuration: Hashable, Sendable {
        /// The first piece of a reply.
        package var first = Duration.milliseconds(200)
        /// No piece is longer, and no sound waits longer to be sent.
        package var longest = Duration.seconds(1)
        /// No piece inside of speech is shorter.
        package var shortest = Duration.milliseconds(60)
        /// How long before the client runs dry the next piece is sent, for the way to the client.
        package var headroom = Duration.milliseconds(50)
        /// What a player is assumed to lose between two pieces.
        package var jointGap = Duration.milliseconds(5)
        /// What a joint in a pause between words may take besides: nobody hears it there.
        package var pauseGap = Duration.milliseconds(15)
        /// A block that is so much lower than the loudest one of its piece is such a pause: 30 dB.
        package var pauseRatio = 32
        /// A pause up to this stays in its piece; a longer one is left out.
        package var keptPause = Duration.milliseconds(200)
        /// Silence that stays behind the last sound before a pause, so that it can fade.
        package var fade = Duration.milliseconds(20)
        /// Blocks below this root mean square, of 32768, are silence.
        package var silenceLevel = 33
        /// The share of a piece at its end in which the cut is looked for, in percent, and how long it is at most.
        package var searchPercent = 30
        package var longestSearch = Duration.milliseconds(200)

        package init() {}

        /// Pieces of this length, the first one included; nil for those that grow.
        package init(pieceMilliseconds: Int?) {
            guard let pieceMilliseconds else { return }
            first = .milliseconds(pieceMilliseconds)
            longest = first
            shortest = min(shortest, first / 2)
            headroom = min(headroom, first / 4)
        }
    }

    /// In Hz.
    package let sampleRate: Int
    package let configuration: Configuration

    /// Sound is measured in blocks of 10 ms.
    private let block: Int
    private var pending: [Int16] = []
    /// Root mean squares of the whole blocks of `pending`.
    private var levels: [Int] = []
    /// Where the last block with sound ends; 0 when all of `pending` is silence.
    private var soundEnd = 0
    /// Nothing was sent just before `pending`: the reply begins, or goes on after a pause.
    private var isStart = true
    /// When the first pending sample arrived.
    private var begin: Instant?
    /// When the sound that was sent last had arrived to its end.
    private var sentUpTo: Instant?
    /// When the client has played everything, as far as can be known.
    private var playedUntil: Instant?
    /// How far the client is behind the agent.
    private var lag: Duration
    private var lastArrival: Instant?
    private var pieces: [[Int16]] = []

    package init(sampleRate: Int, configuration: Configuration = Configuration()) {
        self.sampleRate = max(1000, sampleRate)
        self.configuration = configuration
        block = self.sampleRate / 100
        lag = configuration.first
        pending.reserveCapacity(count(configuration.longest) + block)
    }

    /// Samples that wait to be sent or dropped.
    package var pendingSampleCount: Int { pending.count }

    /// The next piece to send.
    package mutating func poll() -> [Int16]? { pieces.isEmpty ? nil : pieces.removeFirst() }

    // MARK: In

    /// Takes sound of any length, silence included.
    package mutating func append(_ samples: Span<Int16>, now: Instant) {
        guard samples.count > 0 else { return }
        if let lastArrival, now - lastArrival > configuration.keptPause {
            // The track has stopped in between: a pause like any other.
            flush(now: now)
            isStart = true
        }
        lastArrival = now
        for index in samples.indices {
            pending.append(samples[index])
            if pending.count.isMultiple(of: block) { finishBlock(now: now) }
        }
        handleTimeout(now: now)
    }

    /// Sends what is due. To be called at `nextDeadline`.
    package mutating func handleTimeout(now: Instant) {
        if let deadline = nextDeadline, deadline <= now { send(now: now) }
    }

    /// When the pending sound must be sent; nil while only silence waits.
    package var nextDeadline: Instant? {
        guard soundEnd > 0, let begin else { return nil }
        let latest = begin + configuration.longest
        let early = playedUntil.map { $0 - configuration.headroom } ?? begin
        if isStart {
            // A start that is in time keeps the pause as long as it was. A client that is still busy needs it later.
            return min(latest, max(begin + lagAfterPause, early))
        }
        // So late that the client runs dry before anything worth sending is there: build the distance up again.
        if early < begin + configuration.shortest { return min(latest, begin + configuration.first) }
        return min(latest, early)
    }

    /// The reply is over: sends all sound that waits. The next reply starts with a short piece again.
    package mutating func endReply(now: Instant) {
        flush(now: now)
        lag = configuration.first
        isStart = true
        lastArrival = nil
    }

    /// Throws away what has not been sent, as when the agent was interrupted.
    package mutating func discard() {
        pieces = []
        drop(pending.count)
        begin = nil
        lag = configuration.first
        isStart = true
        lastArrival = nil
    }

    /// How far the client is behind at least: a player that loses nothing between pieces has made use of the headroom.
    private var lagAfterPause: Duration { max(configuration.first, lag - configuration.headroom) }

    // MARK: Blocks

    private mutating func finishBlock(now: Instant) {
        let level = SoundLevel.rootMeanSquare(pending.span.extracting(pending.count - block..<pending.count))
        levels.append(level)
        if level >= configuration.silenceLevel {
            if begin == nil { begin = isStart ? now : min(sentUpTo ?? now, now) }
            soundEnd = pending.count
            // All of a burst is there already; otherwise only the longest piece is full.
            let full =
                isStart && (playedUntil ?? now) <= now
                ? count(min(lag, configuration.longest)) : count(configuration.longest)
            if pending.count >= full { send(now: now) }
            return
        }
        let silence = pending.count - soundEnd
        guard silence > count(configuration.keptPause) || isStart && soundEnd == 0 else { return }
        // A pause: what was before it goes at once; of the silence one block stays, in case sound fades in from it.
        flush(now: now, keeping: block)
        isStart = true
    }

    /// Sends the sound that waits and drops the silence behind it but for `kept` samples.
    private mutating func flush(now: Instant, keeping kept: Int = 0) {
        // The unfinished block may hold the end of a word.
        if kept == 0, !pending.count.isMultiple(of: block) {
            let level = SoundLevel.rootMeanSquare(pending.span.extracting(levels.count * block..<pending.count))
            if level >= configuration.silenceLevel {
                soundEnd = pending.count
                begin = begin ?? now
            }
        }
        if soundEnd > 0 { emit(min(pending.count, soundEnd + count(configuration.fade)), isPause: false, now: now) }
        drop(max(0, pending.count - kept))
        begin = nil
    }

    /// Forgets samples at the front and measures what is left anew.
    private mutating func drop(_ number: Int) {
        pending.removeFirst(number)
        levels.removeAll(keepingCapacity: true)
        soundEnd = 0
        var start = 0
        while start + block <= pending.count {
            let level = SoundLevel.rootMeanSquare(pending.span.extracting(start..<start + block))
            levels.append(level)
            start += block
            if level >= configuration.silenceLevel { soundEnd = start }
        }
    }

    // MARK: Cutting

    private mutating func send(now: Instant) {
        guard soundEnd > 0 else { return }
        let end = min(pending.count, soundEnd + count(configuration.fade))
        // Silence at the end is the best place of all.
        if soundEnd < levels.count * block { return emit(end, isPause: true, now: now) }
        let place = quietPlace()
        emit(place, isPause: isPause(place), now: now)
    }

    /// Whether two blocks around a place are a pause between words.
    private func isPause(_ place: Int) -> Bool {
        let loudest = levels.max() ?? 0
        let around = max(0, place / block - 1)..<min(levels.count, place / block + 2)
        return levels[around].filter { $0 * configuration.pauseRatio <= loudest }.count >= 2
    }

    /// Where the sound is lowest near the end of what waits; nearer to the end counts more.
    private func quietPlace() -> Int {
        let last = levels.count
        let first = max(
            1, (count(configuration.shortest) + block - 1) / block, last * (100 - configuration.searchPercent) / 100,
            last - count(configuration.longestSearch) / block)
        guard first < last else { return pending.count }
        var best = (index: last - 1, cost: Int.max)
        for index in first..<last {
            // From one to two times the level, by the distance from the end.
            let cost = levels[index] * (2 * (last - first) - (index - first))
            if cost <= best.cost { best = (index, cost) }
        }
        // Inside the block, the sample nearest to zero makes no click.
        let range = best.index * block..<(best.index + 1) * block
        return range.min { pending[$0].magnitude < pending[$1].magnitude } ?? range.upperBound
    }

    /// - Parameter isPause: the cut is in a pause between words.
    private mutating func emit(_ size: Int, isPause: Bool, now: Instant) {
        guard size > 0, size <= pending.count else { return }
        pieces.append(Array(pending[..<size]))
        let length = Duration.nanoseconds(Int64(size) * 1_000_000_000 / Int64(sampleRate))
        let starts = max(now, playedUntil ?? now)
        let ends = starts + length + configuration.jointGap + (isPause ? configuration.pauseGap : .zero)
        // Of a burst, more has arrived than time has passed.
        let arrived = min((begin ?? now) + length, now)
        playedUntil = ends
        sentUpTo = arrived
        lag = min(max(ends - arrived, configuration.first), configuration.longest)
        isStart = false
        drop(size)
        begin = soundEnd > 0 ? arrived : nil
    }

    private func count(_ duration: Duration) -> Int { Int(duration.nanoseconds / 1000 * Int64(sampleRate) / 1_000_000) }
}
