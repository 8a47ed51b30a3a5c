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
    /// What is left of the last recording. Whatever comes after it waits for its end.
    private var recording: WaitingRecording?
    private var scratch: [Int16] = []
    private var drift = DriftCorrection()
    private var spliced: [Int16] = []
    /// Frames of the client no longer end where ours do.
    private var isShifted = false

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
    var samples: Int {
        packets.samples + frames.frameCount * UplinkPacer.frameSamples + (recording?.samplesAt48kHz ?? 0)
    }
    /// Whether samples wait, even if they are no whole frame.
    var hasSamples: Bool { frames.sampleCount > 0 }
    var isPacketNext: Bool { !packets.isEmpty && !(areFramesFirst && frames.frameCount > 0) }
    /// The length of what is next; nil when nothing waits.
    var head: Int? {
        isPacketNext ? packets.headSamples : frames.frameCount > 0 ? UplinkPacer.frameSamples : nil
    }
    /// When the youngest was complete.
    var newestArrival: Instant? { packets.isEmpty ? frameArrivals.newest : packetArrivals.newest }

    var hasRecording: Bool { recording != nil }

    // MARK: In

    /// Appends a recording that is converted to `sampleRate` as it is played.
    mutating func append(_ new: WaitingRecording) { recording = new }

    /// The caller's turn ends with the recording that waits.
    mutating func endTurnWithRecording() { recording?.endsTurn = true }

    /// Converts so much of the recording that there is something to play, or all of it. Returns how much had to give
    /// way, and whether that was the end of the caller's turn.
    mutating func convertRecording(isWhole: Bool, now: Instant) -> (dropped: Int, endsTurn: Bool) {
        let ready = WaitingRecording.sliceMilliseconds / 20
        var dropped = 0
        var converted: [Int16] = []
        while recording != nil, isWhole || frames.frameCount < ready {
            converted.removeAll(keepingCapacity: true)
            recording?.convertSlice(appendingTo: &converted)
            dropped += append(converted.span, now: now)
            guard let finished = recording, finished.isEmpty else { continue }
            recording = nil
            return (dropped, finished.endsTurn)
        }
        return (dropped, false)
    }

    /// Appends samples at `sampleRate`; returns how much had to give way.
    mutating func append(_ samples: Span<Int16>, now: Instant) -> Int {
        let dropped = frames.append(samples) / frames.frameLength
        frameArrivals.append(now, of: frames.frameCount, dropped: dropped)
        return dropped * UplinkPacer.frameSamples
    }

    /// Appends a packet; returns how much had to give way.
    mutating func append(packet: [UInt8], samples: Int, loudness: Int?, now: Instant) -> Int {
        if packets.isEmpty { areFramesFirst = frames.frameCount > 0 }
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
        isShifted = false
        let unfinished = frames.sampleCount % frames.frameLength
        guard unfinished > 0 else { return }
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
        recording = nil
        packets.removeAll()
        frameArrivals.removeAll()
        packetArrivals.removeAll()
        drift = DriftCorrection()
        isShifted = false
    }

    /// Gives back the memory of a burst.
    mutating func releaseSpare() { frames.releaseSpare() }

    // MARK: Out

    /// Takes the next frame, of which there is one, into `frame`. If the client's clock is fast it is made of more sound
    /// than that.
    ///
    /// - Parameter surplus: what waits and would not of a client in step; nil for one that does not stream live.
    /// - Returns: when the frame was complete, and how much was left out.
    mutating func takeFrame(
        into frame: inout [Int16], surplus: Int?, now: Instant
    ) -> (arrival: Instant?, leftOut: Int) {
        var leftOut = 0
        if case .shorten(let isForced) = correction(surplus, now: now) {
            leftOut = takeShortenedFrame(into: &frame, isForced: isForced)
        }
        if leftOut == 0 { _ = frames.next(into: &frame) }
        let arrival = frameArrivals.pop()
        while frameArrivals.count > frames.frameCount { _ = frameArrivals.pop() }
        return (arrival, leftOut * 48_000 / sampleRate)
    }

    private mutating func correction(_ surplus: Int?, now: Instant) -> DriftCorrection.Action {
        guard let surplus, let head else {
            drift.pause()
            return .keep
        }
        return drift.next(surplus: surplus, length: head, now: now)
    }

    /// - Returns: how much was left out, in samples at `sampleRate`; 0 when there is no place for that and nothing was taken.
    private mutating func takeShortenedFrame(into frame: inout [Int16], isForced: Bool) -> Int {
        let splicer = PitchSplicer(sampleRate: sampleRate)
        if spliced.count != splicer.window { spliced = [Int16](repeating: 0, count: splicer.window) }
        if frame.count != frameLength { frame = [Int16](repeating: 0, count: frameLength) }
        guard frames.peekSamples(into: &spliced) else { return 0 }
        var room = frame.mutableSpan
        let leftOut = splicer.splice(spliced.span, into: &room, isForced: isForced)
        guard leftOut > 0 else { return 0 }
        drift.noteShortened()
        frames.dropSamples(frameLength + leftOut)
        isShifted = true
        return leftOut
    }

    /// Leaves out the next packet if the client's clock is fast and nobody misses it: one that is softer than all that are near.
    ///
    /// - Parameter surplus: as for a frame.
    /// - Returns: its length; 0 when it stays.
    mutating func dropSurplusPacket(surplus: Int?, now: Instant) -> Int {
        guard case .shorten(let isForced) = correction(surplus, now: now), let length = packets.headSamples,
            length == packets.length(at: 1), let own = packets.loudness(at: 0)
        else { return 0 }
        var loudest = own
        for index in 1..<min(packets.count, max(2, (isForced ? Self.forcedView : Self.view) / length)) {
            guard let other = packets.loudness(at: index), other >= own else { return 0 }
            loudest = max(loudest, other)
        }
        let isSoft = own * Self.softness <= loudest || own < Int(SpeechDetector.surelySilent)
        guard isSoft || isForced && length <= UplinkPacer.frameSamples else { return 0 }
        drift.noteShortened()
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
        if isPacketNext, let length = packets.headSamples {
            for index in 0..<min(packets.count, view / max(1, length) + 1) {
                guard isSilent(packets.loudness(at: index)) else { return nil }
            }
            _ = takePacket()
            return length
        }
        guard frames.frameCount > 0 else { return nil }
        for index in 0..<min(frames.frameCount, view / UplinkPacer.frameSamples + 1) {
            guard isSilent(loudness(ofFrame: index)) else { return nil }
        }
        // What comes is in whole frames again, which do not wait for the next message.
        let shift = isShifted ? frames.sampleCount % frameLength : 0
        isShifted = false
        frames.dropSamples(frameLength + shift)
        _ = frameArrivals.pop()
        return UplinkPacer.frameSamples + shift * 48_000 / sampleRate
    }

    private mutating func loudness(ofFrame index: Int) -> Int? {
        guard frames.peek(at: index, into: &scratch) else { return nil }
        return SoundLevel.rootMeanSquare(scratch.span)
    }
}
