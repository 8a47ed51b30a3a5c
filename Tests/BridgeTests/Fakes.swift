import Bridge
import ClientProtocol
import PeerConnection
import Wire

/// Time that moves by hand; timers go off in order while it does.
final class VirtualClock: SessionClock {
    private final class VirtualTimer: SessionTimer {
        var deadline: Instant?
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
        func arm(at instant: Instant) { deadline = instant }
        func cancel() { deadline = nil }
    }

    private(set) var now = Instant.zero
    private var timers: [VirtualTimer] = []
    private var pending: [() -> Void] = []

    func makeTimer(_ body: @escaping () -> Void) -> any SessionTimer {
        let timer = VirtualTimer(body)
        timers.append(timer)
        return timer
    }

    /// Runs `body` at the next step, as a completion that never comes during the call.
    func later(_ body: @escaping () -> Void) { pending.append(body) }

    func advance(by duration: Duration) {
        let end = now + duration
        runPending()
        while let next = timers.compactMap(\.deadline).min(), next <= end {
            now = max(now, next)
            for timer in timers where timer.deadline.map({ $0 <= now }) == true {
                timer.deadline = nil
                timer.body()
            }
            runPending()
        }
        now = end
    }

    private func runPending() {
        while !pending.isEmpty { pending.removeFirst()() }
    }
}

final class FakeClient: ClientConnection {
    var texts: [String] = []
    var audio: [[UInt8]] = []
    var audioTimes: [Instant] = []
    var discards = 0
    var closure: (code: UInt16, reason: String)?
    var droppedAudioMessages = 0
    var unacknowledgedBytes = 0
    let clock: VirtualClock

    init(clock: VirtualClock) { self.clock = clock }

    /// Nothing arrives any more: what is sent is not acknowledged.
    var hangs = false

    private func note(_ count: Int) {
        if hangs { unacknowledgedBytes += count + (count < 126 ? 2 : 4) }
    }

    func send(text: String) {
        note(text.utf8.count)
        texts.append(text)
    }
    func send(text: String, replacing key: String, isLast: Bool) -> Bool {
        send(text: text)
        return false
    }
    func send(audioText: RawSpan) {
        note(audioText.byteCount)
        texts.append(String(decoding: [UInt8](copying: audioText), as: UTF8.self))
    }
    func send(audio bytes: RawSpan) {
        note(bytes.byteCount)
        audio.append([UInt8](copying: bytes))
        audioTimes.append(clock.now)
    }
    func discardQueuedAudio() { discards += 1 }
    func close(code: UInt16, reason: String) { closure = (code, reason) }

    /// The messages of one type, parsed.
    func events(_ type: String) -> [JSONValue] {
        texts.compactMap { try? JSONValue(parsing: $0) }.filter { $0["type"]?.string == type }
    }

    var samples: [Int16] { audio.flatMap(samplesOf) }
}

final class FakeTrack: RoomTrack {
    let sid: String
    let participantIdentity: String
    let source: TrackSource
    private weak var sink: (any TrackSink)?

    init(_ sid: String, _ participant: String, source: TrackSource = .microphone) {
        self.sid = sid
        self.source = source
        participantIdentity = participant
    }

    func play(into sink: (any TrackSink)?) { self.sink = sink }
    func hear(_ sound: JitterBufferOutput) { sink?.receive(sound) }
}

extension RoomEvent {
    static func trackSubscribed(
        track: String, participant: String, source: TrackSource = .microphone
    ) -> RoomEvent {
        .trackSubscribed(FakeTrack(track, participant, source: source))
    }
}

final class FakeRoom: RoomConnection {
    struct Packet {
        var bytes: [UInt8]
        var timestamp: UInt32
        var samples: Int
        var isStart: Bool
        var at: Instant
    }

    let request: RoomRequest
    weak var delegate: (any RoomConnectionDelegate)?
    let clock: VirtualClock
    var packets: [Packet] = []
    var chats: [String] = []
    var data: [(payload: [UInt8], topic: String, destinations: [String])] = []
    var digits: [DTMFDigit] = []
    var attributes: [String: String] = [:]
    var calls: [(identity: String, method: String)] = []
    var isMuted = false
    var reportedLossPercent = 0
    var linkQuality: LinkQuality?
    var allowsRedundancy = true
    var leftAt: Instant?
    var departure: RoomDeparture?

    init(request: RoomRequest, delegate: any RoomConnectionDelegate, clock: VirtualClock) {
        self.request = request
        self.delegate = delegate
        self.clock = clock
    }

    func sendAudio(_ packet: RawSpan, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?) {
        packets.append(
            Packet(
                bytes: [UInt8](copying: packet), timestamp: timestamp, samples: samples, isStart: isStart,
                at: clock.now))
    }
    func setMuted(_ isMuted: Bool) { self.isMuted = isMuted }
    func sendText(_ text: String, topic: String) { if topic == "lk.chat" { chats.append(text) } }
    func publishData(_ payload: [UInt8], topic: String, destinations: [String]) {
        data.append((payload, topic, destinations))
    }
    func publishDTMF(_ digit: DTMFDigit) { digits.append(digit) }
    func setAttributes(_ attributes: [String: String]) { self.attributes.merge(attributes) { $1 } }
    func performRPC(to identity: String, method: String, payload: String) { calls.append((identity, method)) }
    var clientCalls: [(MethodCall, identity: String)] = []
    /// Calls of the caller's methods that somebody waits for, and how they ended.
    var openCalls: Set<String> = []
    var outcomes: [String: MethodOutcome] = [:]
    func call(_ call: MethodCall, of identity: String) { clientCalls.append((call, identity)) }
    func end(call id: String, _ outcome: MethodOutcome) -> Bool {
        guard openCalls.remove(id) != nil else { return false }
        outcomes[id] = outcome
        return true
    }
    func leave(_ departure: RoomDeparture) {
        leftAt = clock.now
        self.departure = departure
    }

    func emit(_ event: RoomEvent) {
        if case .trackSubscribed(let track) = event { tracks[track.sid] = track as? FakeTrack }
        delegate?.room(self, event: event)
    }

    /// Tracks that the session was told of.
    private(set) var tracks: [String: FakeTrack] = [:]

    /// Joins, publishes, and lets an agent that listens come in.
    func welcome(agent: String? = "agent-1", state: String? = "listening") {
        emit(.joined(room: request.room, identity: request.identity))
        emit(.microphonePublished(track: "TR_mic"))
        guard let agent else { return }
        bring(agent: agent, state: state)
    }

    func bring(agent: String, state: String?) {
        var attributes: [String: String] = [:]
        attributes["lk.agent.state"] = state
        emit(.participantJoined(RoomMember(identity: agent, name: "Agent", isAgent: true, attributes: attributes)))
        emit(.microphoneSubscribed)
    }

    func state(_ state: String, of agent: String = "agent-1") {
        emit(
            .participantChanged(
                RoomMember(identity: agent, name: "Agent", isAgent: true, attributes: ["lk.agent.state": state])))
    }

    /// The caller's samples as they reach the room through `FakeCoders`, silence left out.
    var heard: [Int16] { packets.flatMap { samplesOf(Array($0.bytes.dropFirst())) }.filter { $0 != 0 } }
}

final class FakeConnector: RoomConnector {
    let clock: VirtualClock
    var rooms: [FakeRoom] = []
    init(clock: VirtualClock) { self.clock = clock }
    func join(_ request: RoomRequest, delegate: any RoomConnectionDelegate) -> any RoomConnection {
        let room = FakeRoom(request: request, delegate: delegate, clock: clock)
        rooms.append(room)
        return room
    }
}

final class FakeDispatcher: AgentDispatcher {
    let clock: VirtualClock
    var existing: [String: [String]] = [:]
    var created: [(room: String, agent: String, metadata: String)] = []
    var placed = 0
    var failures: [Failure] = []
    /// What is answered to the question why no agent has come; the last one again and again.
    var absences: [Failure?] = [nil]
    var questions: [String] = []
    init(clock: VirtualClock) { self.clock = clock }

    func explainAbsence(of agent: String, in room: String, completion: @escaping (Failure?) -> Void) {
        questions.append("\(agent) in \(room)")
        let answer = absences.count > 1 ? absences.removeFirst() : absences[0]
        clock.later { completion(answer) }
    }

    func placeAgent(
        _ agent: String, in room: String, metadata: String,
        completion: @escaping (Result<String, Failure>) -> Void
    ) {
        placed += 1
        guard existing[room]?.contains(agent) != true else { return clock.later { completion(.success("")) } }
        dispatchAgent(agent, to: room, metadata: metadata) { completion($0.map { metadata }) }
    }

    func dispatchAgent(
        _ agent: String, to room: String, metadata: String,
        completion: @escaping (Result<Void, Failure>) -> Void
    ) {
        if !failures.isEmpty {
            let failure = failures.removeFirst()
            clock.later { completion(.failure(failure)) }
            return
        }
        created.append((room, agent, metadata))
        clock.later { completion(.success(())) }
    }
}

/// Coders that keep every sample: a packet is one byte that says "20 ms" and the samples themselves.
final class FakeCoders: AudioCoderFactory {
    var encoderRates: [Int] = []

    func makeEncoder(sampleRate: Int, for listener: EncoderListener) -> any SpeechEncoder {
        encoderRates.append(sampleRate)
        return Encoder()
    }
    func makeDecoder(sampleRate: Int) -> any SpeechDecoder { Decoder() }
    func makeConverter(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) -> any RateConverter {
        throw AudioCoderFailure(message: "not in this test")
    }

    private final class Encoder: SpeechEncoder {
        func encode(_ frame: Span<Int16>, isIndependent: Bool, into packet: inout MutableSpan<UInt8>) -> Int? {
            packet[0] = 0xF8
            for index in frame.indices {
                packet[1 + 2 * index] = UInt8(truncatingIfNeeded: frame[index])
                packet[2 + 2 * index] = UInt8(truncatingIfNeeded: frame[index] >> 8)
            }
            return 1 + 2 * frame.count
        }
    }

    private final class Decoder: SpeechDecoder {
        func decode(_ packet: RawSpan, into samples: inout MutableSpan<Int16>) -> Int? {
            guard packet.byteCount > 1 else { return nil }
            let decoded = samplesOf([UInt8](copying: packet.extracting(droppingFirst: 1)))
            for (index, sample) in decoded.enumerated() { samples[index] = sample }
            return decoded.count
        }
        func recover(
            _ count: Int, before next: RawSpan, into samples: inout MutableSpan<Int16>
        ) -> Int? {
            for index in 0..<count { samples[index] = 7000 }
            return count
        }
        func conceal(_ count: Int, into samples: inout MutableSpan<Int16>) -> Int? {
            for index in 0..<count { samples[index] = 9000 }
            return count
        }
        func reset() {}
    }
}

func samplesOf(_ bytes: [UInt8]) -> [Int16] {
    stride(from: 0, to: bytes.count - 1, by: 2).map {
        Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
    }
}

func bytesOf(_ samples: some Sequence<Int16>) -> [UInt8] {
    samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
}

/// Loud samples that count, so that every one of them can be told from every other within a second or two.
func ramp(_ range: Range<Int>) -> [Int16] { range.map { Int16(600 + $0 % 30_000) } }

/// Loud samples that rise slowly, for up to a quarter of a minute: `isWhole` finds in them what is missing or comes twice.
func slope(_ range: Range<Int>) -> [Int16] { range.map { Int16(600 + $0 / 8) } }

/// Whether a slope was heard from its beginning to its end, nothing missing and nothing twice, however fast it was played.
func isWhole(_ heard: some Collection<Int16>, _ said: Range<Int>) -> Bool {
    let heard = Array(heard)
    guard let first = heard.first, let last = heard.last, first == slope(said)[0],
        abs(last - slope(said).last!) <= 2
    else { return false }
    return zip(heard, heard.dropFirst()).allSatisfy { (0...2).contains($1 - $0) }
}

/// A recording of 16-bit mono samples.
func recording(_ samples: [Int16], sampleRate: Int) -> WAVFile {
    WAVFile(codec: .pcm16, sampleRate: sampleRate, channels: 1, data: bytesOf(samples)[...])
}
