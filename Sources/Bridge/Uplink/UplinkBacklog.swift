internal import ClientProtocol
internal import Wire

/// The caller's sound that waits to be sent, oldest first: frames of samples and Opus packets, each with the moment in
/// which it was complete. Lengths are in samples at 48 kHz.
struct UplinkBacklog: ~Copyable {
    /// An Opus packet of the client.
    struct Packet {
        var bytes: [UInt8]
        var samples: Int
        /// Root mean square of 32768; nil when it is not known.
        var loudness: Int?
        var arrival: Instant?
    }

    /// A packet is left out if none is softer within the first time, in samples at 48 kHz, or the second one when much waits,
    /// and one is louder by this factor.
    private static let view = 200 * 48
    private static let forcedView = 100 * 48
    private static let softness = 4

    /// Of frames, in Hz.
    private(set) var sampleRate: Int
    private let seconds: Int
    private let limit: Int
    private var frames: FrameAssembler
    private var packets = PacketQueue()
    private var frameArrivals = ArrivalQueue()
    private var packetArrivals = ArrivalQueue()
    /// Packets wait behind the frames that were there when they came.
    private var areFramesFirst = false
    private var scratch: [Int16] = []
    private var delay = DelayCorrection()
    private var spliced: [Int16] = []
    /// Frames of the client no longer end where ours do.
    private var isShifted = false
    /// Packets are decoded to frames just before they are due, so that they can be shortened.
    private(set) var isUnpacking = false

    /// - Parameter limit: beyond so much the oldest gives way.
    init(sampleRate: Int, limit: Duration) {
        self.sampleRate = sampleRate
        seconds = Int(limit.components.seconds)
        self.limit = limit.samplesAt48kHz
        frames = FrameAssembler(sampleRate: sampleRate, limit: sampleRate * seconds)
    }

    /// Samples of a frame at `sampleRate`.
    var frameLength: Int { frames.frameLength }
    /// What waits; an unfinished frame does not count.
    var samples: Int { packets.samples + frames.frameCount * UplinkPacer.frameSamples }
    /// Whether samples wait, even if they are no whole frame.
    var hasSamples: Bool { frames.sampleCount > 0 }
    var hasPackets: Bool { !packets.isEmpty }
    var isPacketNext: Bool { !packets.isEmpty && !(areFramesFirst && frames.frameCount > 0) }
    /// The length of what is next; nil when nothing waits.
    var head: Int? {
        isPacketNext ? packets.headSamples : frames.frameCount > 0 ? UplinkPacer.frameSamples : nil
    }
    /// When the youngest was complete.
    var newestArrival: Instant? { packets.isEmpty ? frameArrivals.newest : packetArrivals.newest }

    // MARK: In

    /// Appends samples at `sampleRate`; returns how much had to give way.
    mutating func append(_ samples: Span<Int16>, now: Instant) -> Int {
        let dropped = frames.append(samples) / frames.frameLength
        frameArrivals.append(now, of: frames.frameCount, dropped: dropped)
        return dropped * UplinkPacer.frameSamples
    }

    /// Appends a packet; returns how much had to give way.
    mutating func append(packet: [UInt8], samples: Int, loudness: Int?, now: Instant) -> Int {
        if packets.isEmpty { areFramesFirst = frames.frameCount > 0 || isUnpacking }
        let dropped = packets.append(packet, samples: samples, loudness: loudness, limit: limit)
        packetArrivals.append(now, of: packets.count)
        return dropped
    }

    /// Appends so many frames of silence, as packets where packets wait.
    mutating func appendPause(frames count: Int, packet: [UInt8], now: Instant) {
        if frames.frameCount > 0, !isPacketNext || packets.isEmpty {
            let pause = [Int16](repeating: 0, count: count * frames.frameLength)
            _ = append(pause.span, now: now)
        } else {
            for _ in 0..<count {
                _ = append(packet: packet, samples: UplinkPacer.frameSamples, loudness: 0, now: now)
            }
        }
    }

    /// Fills up what was left over because a frame was made of more sound than that.
    mutating func finishShiftedFrame(now: Instant) {
        if isShifted { finishFrame(now: now) }
    }

    /// Fills up an unfinished frame with silence.
    mutating func finishFrame(now: Instant) {
        isShifted = isUnpacking
        let unfinished = frames.sampleCount % frames.frameLength
        guard unfinished > 0, !isUnpacking || packets.isEmpty else { return }
        let padding = [Int16](repeating: 0, count: frames.frameLength - unfinished)
        _ = append(padding.span, now: now)
    }

    /// Changes the rate of frames while none waits.
    mutating func change(sampleRate new: Int) {
        sampleRate = new
        frames = FrameAssembler(sampleRate: new, limit: new * seconds)
        frameArrivals.removeAll()
        isShifted = false
    }

    mutating func removeAll() {
        frames.removeAll()
        packets.removeAll()
        frameArrivals.removeAll()
        packetArrivals.removeAll()
        delay = DelayCorrection()
        isUnpacking = false
        isShifted = false
    }

    /// Gives back the memory of a burst.
    mutating func releaseSpare() { frames.releaseSpare() }

    // MARK: Out

    /// Takes the next frame, of which there is one, into `frame`. If the client is late it is made of more sound than that.
    ///
    /// - Parameter surplus: what waits and would not of a client in step; nil for one that does not stream live.
    /// - Returns: when the frame was complete, and how much was left out.
    mutating func takeFrame(into frame: inout [Int16], surplus: Int?) -> (arrival: Instant?, leftOut: Int) {
        var leftOut = joinedUnpacked(into: &frame)
        if leftOut == 0, case .shorten(let manner) = delay.next(surplus: surplus, length: UplinkPacer.frameSamples) {
            leftOut = takeShortenedFrame(into: &frame, manner)
        }
        if leftOut == 0 { _ = frames.next(into: &frame) }
        let arrival = frameArrivals.pop()
        while frameArrivals.count > frames.frameCount { _ = frameArrivals.pop() }
        return (arrival, leftOut * 48_000 / sampleRate)
    }

    /// - Returns: how much was left out, in samples at `sampleRate`; 0 when there is no place for that and nothing was taken.
    private mutating func takeShortenedFrame(into frame: inout [Int16], _ manner: DelayCorrection.Manner) -> Int {
        let splicer = PitchSplicer(sampleRate: sampleRate, manner)
        guard peek(splicer.window, for: &frame) else { return 0 }
        var room = frame.mutableSpan
        let leftOut = splicer.splice(spliced.span, into: &room)
        guard leftOut > 0 else { return 0 }
        delay.noteShortened(by: leftOut * 48_000 / sampleRate)
        frames.dropSamples(frameLength + leftOut)
        isShifted = true
        return leftOut
    }

    /// Copies so many of the oldest samples to `spliced`; false when fewer wait.
    private mutating func peek(_ count: Int, for frame: inout [Int16]) -> Bool {
        if spliced.count != count { spliced = [Int16](repeating: 0, count: count) }
        if frame.count != frameLength { frame = [Int16](repeating: 0, count: frameLength) }
        return frames.peekSamples(into: &spliced)
    }

    // MARK: Packets that are late

    /// Takes note of how late the client is, and returns the next packet if it has to be decoded now: its samples are then
    /// appended by `append(unpacked:)`, and this is asked again. While it returns packets the backlog is worked off, and
    /// afterwards until no part of a packet is left.
    ///
    /// - Parameter isAll: every packet is wanted, because sound of another kind follows.
    mutating func takePacketToUnpack(surplus: Int?, isAll: Bool = false) -> Packet? {
        guard !packets.isEmpty else { return nil }
        delay.follow(surplus: surplus)
        if !isUnpacking {
            guard delay.isCatchingUp, isPacketNext else { return nil }
            isUnpacking = true
            areFramesFirst = true
            isShifted = true
        }
        if !delay.isCatchingUp, !isAll, frames.sampleCount % frameLength == 0 {
            isUnpacking = false
            isShifted = false
            return nil
        }
        // Enough for a frame that is shortened, or that ends where a packet does.
        guard isAll || frames.sampleCount < 2 * frameLength else { return nil }
        return takePacket()
    }

    /// Appends what a packet was decoded to.
    mutating func append(unpacked samples: Span<Int16>, arrival: Instant?) {
        _ = frames.append(samples)
        guard let arrival else { return }
        frameArrivals.append(arrival, of: frames.frameCount)
    }

    /// When the backlog is worked off and packets are to pass again, the next frame ends where the last decoded packet does.
    ///
    /// - Returns: as for a frame that is shortened.
    private mutating func joinedUnpacked(into frame: inout [Int16]) -> Int {
        let surplus = frames.sampleCount % frameLength
        guard isUnpacking, !delay.isCatchingUp, surplus > 0, !packets.isEmpty,
            peek(frameLength + surplus, for: &frame)
        else { return 0 }
        var room = frame.mutableSpan
        PitchSplicer(sampleRate: sampleRate, .forced).join(spliced.span, into: &room)
        frames.dropSamples(frameLength + surplus)
        return surplus
    }

    /// Leaves out the next packet if the client's clock is fast and nobody misses it: one that is softer than all that are near.
    ///
    /// - Parameter surplus: as for a frame.
    /// - Returns: its length; 0 when it stays.
    mutating func dropSurplusPacket(surplus: Int?) -> Int {
        guard let length = packets.headSamples,
            case .shorten(let manner) = delay.next(surplus: surplus, length: length),
            length == packets.length(at: 1), let own = packets.loudness(at: 0)
        else { return 0 }
        let isForced = manner != .careful
        var loudest = own
        for index in 1..<min(packets.count, max(2, (isForced ? Self.forcedView : Self.view) / length)) {
            guard let other = packets.loudness(at: index), other >= own else { return 0 }
            loudest = max(loudest, other)
        }
        let isSoft = own * Self.softness <= loudest || own < Int(SpeechDetector.surelySilent)
        guard isSoft || isForced && length <= UplinkPacer.frameSamples else { return 0 }
        delay.noteShortened(by: length)
        _ = takePacket()
        return length
    }

    /// Takes the next packet.
    mutating func takePacket() -> Packet? {
        let loudness = packets.loudness(at: 0)
        guard let samples = packets.headSamples, let bytes = packets.pop() else { return nil }
        return Packet(bytes: bytes, samples: samples, loudness: loudness, arrival: packetArrivals.pop())
    }

    /// Drops what is next and returns its length, if all is silent that begins within `view` of its beginning.
    mutating func skip(view: Int, where isSilent: (Int?) -> Bool) -> Int? {
        let isPacket = isPacketNext
        guard isPacket ? packets.headSamples != nil : frames.frameCount > 0 else { return nil }
        var begin = 0
        if !isPacket {
            for index in 0..<min(frames.frameCount, view / UplinkPacer.frameSamples + 1) {
                guard isSilent(loudness(ofFrame: index)) else { return nil }
                begin += UplinkPacer.frameSamples
            }
        }
        // Behind what was decoded of them come the other packets.
        var index = 0
        while isPacket || isUnpacking, begin <= view, let length = packets.length(at: index) {
            guard isSilent(packets.loudness(at: index)) else { return nil }
            begin += max(1, length)
            index += 1
        }
        if isPacket { return takePacket()?.samples }
        // What comes is in whole frames again, which do not wait for the next message.
        let shift = isShifted ? frames.sampleCount % frameLength : 0
        isShifted = false
        frames.dropSamples(frameLength + shift)
        _ = frameArrivals.pop()
        return UplinkPacer.frameSamples + shift * 48_000 / sampleRate
    }

    /// Shortens every pause that waits, so that no word has to give way.
    ///
    /// - Parameters:
    ///   - kept: so much of a pause stays, from its beginning on, in samples at 48 kHz.
    ///   - view: so much before a word stays as well.
    /// - Returns: how much was left out, in samples at 48 kHz.
    mutating func shortenPauses(kept: Int, view: Int, where isSilent: (Int?) -> Bool) -> Int {
        let before = samples
        var pauses = PauseFinder(kept: kept, view: view)
        for index in 0..<frames.frameCount {
            pauses.append(length: UplinkPacer.frameSamples, isSilent: isSilent(loudness(ofFrame: index)))
        }
        let framesStay = pauses.stay()
        frames.keep(framesStay)
        frameArrivals.keep(framesStay)
        pauses = PauseFinder(kept: kept, view: view)
        for index in 0..<packets.count {
            pauses.append(length: packets.length(at: index) ?? 0, isSilent: isSilent(packets.loudness(at: index)))
        }
        let packetsStay = pauses.stay()
        packets.keep(packetsStay)
        packetArrivals.keep(packetsStay)
        return before - samples
    }

    /// Drops the oldest until no more than `maximum` waits; returns how much that was, in samples at 48 kHz.
    mutating func drop(to maximum: Int) -> Int {
        let before = samples
        while samples > maximum, head != nil {
            if isPacketNext {
                _ = takePacket()
            } else {
                frames.dropSamples(frameLength)
                _ = frameArrivals.pop()
            }
        }
        return before - samples
    }

    private mutating func loudness(ofFrame index: Int) -> Int? {
        guard frames.peek(at: index, into: &scratch) else { return nil }
        return SoundLevel.rootMeanSquare(scratch.span)
    }
}
