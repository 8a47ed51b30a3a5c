import AudioCodec
import EventLoops
import PeerConnection
import SecureTransport
import TestSupport
import Wire

/// The connection under test with its socket, a tone that it sends, and an ear.
// SAFETY: used on the loop's thread, or by one task at a time.
@safe
final class Probe {
    private let loop: EventLoop
    private let connection: PeerConnection
    private let factory: OpenSSLTransportFactory
    private var socket: UDPSocket?
    private var timer: LoopTimer?
    private var tick: LoopTimer?

    private let encoder: OpusEncoder
    private let decoder: OpusDecoder
    private var tone: ToneSource?
    private var timestamp: UInt32 = 0
    private var heard: [Int16] = []
    private var lost = 0
    private var channels: [String: DataChannelID] = [:]
    private var labels: [DataChannelID: String] = [:]
    private var packet = [UInt8](repeating: 0, count: 1200)
    private var pcm = [Int16](repeating: 0, count: 5760)

    /// Samples that are kept for the next report: ten seconds.
    private static let maximumHeard = 480_000

    init(loop: EventLoop) throws {
        self.loop = loop
        let takesOnlyCounterMode = CommandLine.arguments.contains("--aes-cm")
        factory = try OpenSSLTransportFactory(
            profiles: takesOnlyCounterMode ? [.aes128CMHMACSHA1_80] : [.aeadAES128GCM, .aes128CMHMACSHA1_80])
        connection = PeerConnection(
            configuration: PeerConnectionConfiguration(), factory: factory, authentication: .openSSL,
            random: SecureRandom())
        // A steady tone is no speech: as voice it would soon count as silence.
        var tuning = OpusEncoder.Configuration()
        tuning.application = .audio
        tuning.bitrate = 48_000
        tuning.usesDTX = false
        encoder = try OpusEncoder(sampleRate: 48_000, channels: 1, configuration: tuning)
        decoder = try OpusDecoder(sampleRate: 48_000, channels: 1)
        connection.delegate = self
        let loopback: IPAddress = CommandLine.arguments.contains("--ipv6") ? .loopbackV6 : .loopbackV4
        let bound = try UDPSocket(loop: loop, bind: TransportAddress(ip: loopback, port: 0))
        bound.onDatagram = { [unowned self, unowned bound] datagram, sender in
            connection.receive(&datagram, from: sender, on: bound.localAddress, now: loop.now)
            rearm()
        }
        socket = bound
        connection.addLocalCandidate(bound.localAddress)
        timer = LoopTimer(loop: loop) { [unowned self] in
            connection.handleTimeout(now: loop.now)
            rearm()
        }
        tick = LoopTimer(loop: loop) { [unowned self] in speak() }
    }

    func close() {
        connection.close(now: loop.now)
        timer?.cancel()
        tick?.cancel()
        socket?.close()
    }

    private func rearm() { timer?.follow(connection.nextDeadline) }

    static func report(_ event: String, _ members: JSONObject = [:]) {
        var object: JSONObject = ["event": .string(event)]
        for member in members.members { object.append(member.key, member.value) }
        writeLine(JSONValue.object(object).serialized())
    }

    /// - `add {audio?, data?, label?}`: adds sections, and opens a channel with that label
    /// - `offer`, `acceptOffer {sdp}` (answers), `acceptAnswer {sdp}`
    /// - `tone {frequency}`: starts a tone; `silence` stops it
    /// - `hear {frequencies}`: which of them is heard since the last time, how pure and how loud
    /// - `send {label, size, text?}`: a message of that size with bytes 0, 1, 2 …
    /// - `close`
    func perform(_ line: String) {
        do {
            let command = try JSONValue(parsing: line)
            try perform(command)
        } catch {
            Self.report("error", ["text": .string("\(error)")])
        }
        rearm()
    }

    private func perform(_ command: JSONValue) throws {
        let now = loop.now
        switch command["command"]?.string {
        case "add":
            if command["audio"]?.bool == true {
                _ = connection.addAudioSection(direction: .sendReceive, track: makeTrack())
            }
            if command["data"]?.bool == true { _ = connection.addDataSection() }
            if let label = command["label"]?.string { try open(label) }
        case "offer": Self.report("offer", ["sdp": .string(try connection.createOffer(now: now))])
        case "acceptOffer":
            try connection.acceptOffer(command["sdp"]?.string ?? "", now: now)
            for section in connection.sections where section.isFreeForSending {
                connection.setLocalTrack(makeTrack(), on: section.index, now: now)
            }
            Self.report("answer", ["sdp": .string(try connection.createAnswer(now: now))])
        case "acceptAnswer": try connection.acceptAnswer(command["sdp"]?.string ?? "", now: now)
        case "tone":
            tone = ToneSource(frequency: command["frequency"]?.double ?? 440, sampleRate: 48_000, amplitude: 10_000)
            tick?.arm(at: now)
        case "silence":
            tone = nil
            tick?.cancel()
        case "hear": hear(command["frequencies"]?.array?.compactMap(\.double) ?? [])
        case "send":
            guard let label = command["label"]?.string, let channel = channels[label] else {
                return Self.report("error", ["text": "no such channel"])
            }
            let size = Int(command["size"]?.integer ?? 0)
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) & 0x7F }
            try connection.send(bytes, isText: command["text"]?.bool == true, on: channel, now: now)
        case "close": connection.close(now: now)
        default: Self.report("error", ["text": "unknown command"])
        }
    }

    private func open(_ label: String) throws {
        let id = try connection.openChannel(label: label, now: loop.now)
        channels[label] = id
        labels[id] = label
    }

    private func makeTrack() -> LocalTrack {
        LocalTrack(streamID: "probe", trackID: "tone", ssrc: connection.makeSource())
    }

    private func speak() {
        guard var source = tone else { return }
        let samples = source.next(960)
        tone = source
        var room = packet.mutableSpan
        if let length = try? encoder.encode(samples.span, into: &room) {
            let packet = packet
            connection.sendAudio(
                on: 0, payload: packet.span.bytes.extracting(first: length), timestamp: timestamp,
                audioLevel: AudioLevel(negatedDecibels: 10, hasVoice: true), now: loop.now)
        }
        timestamp &+= 960
        tick?.advance(by: .milliseconds(20))
        rearm()
    }

    private func hear(_ frequencies: [Double]) {
        let detector = ToneDetector(sampleRate: 48_000)
        let strongest = detector.strongest(of: frequencies, in: heard)
        Self.report(
            "heard",
            [
                "samples": .integer(Int64(heard.count)), "lost": .integer(Int64(lost)),
                "frequency": strongest.map { .double($0) } ?? .null,
                "purity": .double(strongest.map { detector.purity(of: $0, in: heard) } ?? 0),
                "amplitude": .double(strongest.map { detector.amplitude(of: $0, in: heard) } ?? 0),
            ])
        heard = []
    }

    private func keep(_ samples: Int) {
        heard.append(contentsOf: pcm[..<samples])
        if heard.count > Self.maximumHeard { heard.removeFirst(heard.count - Self.maximumHeard) }
    }
}

extension Probe: PeerConnectionDelegate {
    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        socket?.send(datagram, to: destination)
    }

    func peerConnection(_ connection: PeerConnection, section: Int, released output: JitterBufferOutput) {
        switch output {
        case .packet(let audio, _):
            var room = pcm.mutableSpan
            if let samples = try? decoder.decode(audio.payload, into: &room) { keep(samples) }
        case .lost(let samples, let recovery):
            lost += samples
            var room = pcm.mutableSpan
            let made =
                if let recovery {
                    try? decoder.decodeFEC(recovery, samples: samples, into: &room)
                } else {
                    try? decoder.conceal(samples: samples, into: &room)
                }
            if let made { keep(made) }
        case .silence: break
        }
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        switch event {
        case .stateChanged(let state): Self.report("state", ["state": .string("\(state)")])
        case .trackAdded(let track): Self.report("track", ["id": .string(track.trackID)])
        case .trackRemoved(let track): Self.report("trackRemoved", ["id": .string(track.trackID)])
        case .sourceEnded(let section): Self.report("sourceEnded", ["section": .integer(Int64(section))])
        case .dataChannelsConnected: Self.report("dataConnected")
        case .channelOpened(let id, let label, let isRemote):
            channels[label] = id
            labels[id] = label
            Self.report("channel", ["label": .string(label), "remote": .bool(isRemote)])
        case .channelMessage(let id, let bytes, let isText):
            let intact = bytes.indices.allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0) & 0x7F }
            Self.report(
                "message",
                [
                    "label": .string(labels[id] ?? ""), "size": .integer(Int64(bytes.count)), "text": .bool(isText),
                    "intact": .bool(intact),
                ])
        case .channelBufferedAmountLow: break
        case .channelClosed(let id): Self.report("channelClosed", ["label": .string(labels[id] ?? "")])
        case .closedByPeer: Self.report("closedByPeer")
        case .transportFailed(let reason): Self.report("transportFailed", ["text": .string(reason)])
        }
    }
}
