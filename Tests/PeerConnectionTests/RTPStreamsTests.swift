import TestSupport
import Testing
import Wire

@testable import PeerConnection

@Suite("RTP streams")
struct RTPStreamsTests {
    /// Streams of one section that sends and receives Opus.
    private func makeStreams(
        mode: ReceiveMode = .ordered, announcement: StreamUpdate.Announcement = .unchanged, ssrc: UInt32? = 7
    ) -> RTPStreams {
        let streams = RTPStreams(
            reporterSource: 99, cname: "somebody", receiveMode: mode, random: SplitMix64(seed: 3))
        let idle = StreamParameters(section: 0, mid: "a")
        streams.apply(StreamUpdate(parameters: idle, announcement: .unchanged))
        streams.setSender(ssrc, on: 0)
        var parameters = idle
        parameters.sends = true
        parameters.receives = true
        parameters.opusPayloadType = 111
        parameters.hasNACK = true
        streams.apply(StreamUpdate(parameters: parameters, announcement: announcement))
        return streams
    }

    /// Writes one packet of 20 ms whose last byte is `index`.
    private func write(_ index: Int, from streams: RTPStreams, now: Instant) -> [UInt8] {
        let payload: [UInt8] = [0x08, 0x80, 1, UInt8(truncatingIfNeeded: index)]
        var room = [UInt8](repeating: 0, count: 200)
        let packet = room.withMutableBytes {
            streams.write(
                payload.span.bytes, on: 0, timestamp: UInt32(index * 960), audioLevel: nil, into: &$0)
        }
        guard let packet else { return [] }
        room.removeSubrange(packet.length...)
        streams.noteSent(packet, as: room.span.bytes, now: now)
        return room
    }

    /// Last byte of each packet that is released, or -1 for a loss and -2 for silence.
    private func take(_ packet: [UInt8], _ streams: RTPStreams, now: Instant) -> [Int] {
        var heard: [Int] = []
        _ = streams.receive(packet.span.bytes, now: now) { heard += Self.index(of: $0) }
        return heard
    }

    private static func index(of sound: ReceivedSound) -> [Int] {
        switch sound {
        case .ordered(_, .packet(let packet, _)): [Int(packet.payload.last)]
        case .ordered(_, .lost): [-1]
        case .ordered(_, .silence): [-2]
        case .raw(let packet): [Int(packet.payload.last)]
        }
    }

    private func events(of streams: RTPStreams) -> [PeerConnectionEvent] {
        var events: [PeerConnectionEvent] = []
        while let output = streams.poll() {
            if case .event(let event) = output { events.append(event) }
        }
        return events
    }

    @Test("sound of an SSRC that nobody announced is a track without a name")
    func unannounced() {
        let (sender, receiver) = (makeStreams(), makeStreams(ssrc: nil))
        #expect(take(write(5, from: sender, now: .zero), receiver, now: .zero) == [5])
        let track = RemoteTrack(section: 0, mid: "a", streamID: "", trackID: "", ssrc: nil)
        #expect(events(of: receiver) == [.trackAdded(track)])
    }

    @Test("a stray SSRC does not take over a section whose track was announced")
    func stray() {
        let track = RemoteTrack(section: 0, mid: "a", streamID: "s", trackID: "t", ssrc: 8)
        let (sender, receiver) = (makeStreams(), makeStreams(announcement: .track(track), ssrc: nil))
        #expect(events(of: receiver) == [.trackAdded(track)])
        #expect(take(write(5, from: sender, now: .zero), receiver, now: .zero).isEmpty)
        #expect(receiver.statistics.packetsIgnored == 1)
    }

    /// Adds a byte to frames, and takes it away; what does not end so cannot be opened.
    private final class Mark: FrameSealer, FrameOpener {
        /// Whether only Opus packets can be opened.
        var opensFramesAlone = true

        func seal(_ frame: RawSpan) -> [UInt8]? { [UInt8](copying: frame) + [0xAA] }

        func open(_ sealed: RawSpan, isGuess: Bool) -> [UInt8]? {
            sealed.last == 0xAA && (sealed[0] == 0x08 || !opensFramesAlone)
                ? Array([UInt8](copying: sealed).dropLast()) : nil
        }
    }

    @Test("an encrypted frame is opened before it is put in order, and what cannot be opened is lost")
    func encrypted() throws {
        let (sender, receiver, mark) = (makeStreams(), makeStreams(ssrc: nil), Mark())
        sender.setSealer(mark, on: 0)
        receiver.isEncrypted = true
        #expect(take(write(0, from: sender, now: .zero), receiver, now: .zero).isEmpty, "nobody opens it")
        receiver.setOpener(mark, on: 0)
        #expect(take(write(1, from: sender, now: .zero), receiver, now: .zero) == [1])
        sender.setSealer(nil, on: 0)
        #expect(take(write(2, from: sender, now: .zero), receiver, now: .zero).isEmpty)
        sender.setSealer(mark, on: 0)
        #expect(take(write(3, from: sender, now: .zero), receiver, now: .zero).isEmpty, "it waits for the one before")
        var heard: [Int] = []
        receiver.handleTimeout(now: try #require(receiver.nextDeadline) + .seconds(1)) { heard += Self.index(of: $0) }
        #expect(heard == [-1, 3])
    }

    @Test("redundant audio is opened as a whole, or frame by frame", arguments: [true, false])
    func encryptedRedundancy(isWhole: Bool) throws {
        let receiver = makeStreams(ssrc: nil)
        receiver.sections[0].parameters.redPayloadType = 63
        receiver.isEncrypted = true
        let mark = Mark()
        mark.opensFramesAlone = !isWhole
        receiver.setOpener(mark, on: 0)
        func frame(_ index: UInt8) -> [UInt8] { [0x08, 0x80, 1, index] + (isWhole ? [] : [0xAA]) }
        func packet(_ sequence: UInt8, _ redundant: [UInt8]?, _ primary: [UInt8]) -> [UInt8] {
            var payload: [UInt8] = []
            // One block before the primary, 960 samples older.
            if let redundant { payload += [0x80 | 111, 0x0F, 0x00, UInt8(redundant.count)] }
            payload += [111] + (redundant ?? []) + primary + (isWhole ? [0xAA] : [])
            let time = UInt32(sequence) * 960
            return [0x80, 63, 0, sequence] + (0..<4).map { UInt8(truncatingIfNeeded: time >> (24 - 8 * $0)) }
                + [0, 0, 0, 7] + payload
        }
        #expect(take(packet(1, nil, frame(1)), receiver, now: .zero) == [1])
        #expect(take(packet(3, frame(2), frame(3)), receiver, now: .zero) == [2, 3])
    }

    @Test("a lost packet is asked for, sent again, and heard in its place")
    func repair() throws {
        let (sender, receiver) = (makeStreams(), makeStreams(ssrc: nil))
        let packets = (0..<3).map { write($0, from: sender, now: .zero) }
        #expect(take(packets[0], receiver, now: .zero) == [0])
        #expect(take(packets[2], receiver, now: .zero).isEmpty)
        _ = events(of: receiver)
        let due = try #require(receiver.nextDeadline)
        receiver.handleTimeout(now: due) { _ in }
        guard case .control(let request) = receiver.poll() else {
            Issue.record("nothing is asked for")
            return
        }
        sender.receiveControl(request.span.bytes, now: due) { _ in }
        guard case .resend(let again) = sender.poll() else {
            Issue.record("nothing is sent again")
            return
        }
        #expect(again == packets[1])
        #expect(take(again, receiver, now: due) == [1, 2])
    }

    @Test("a track that is withdrawn ends, and its late packets are not taken for a new one")
    func withdrawn() {
        let (sender, receiver) = (makeStreams(), makeStreams(ssrc: nil))
        _ = take(write(0, from: sender, now: .zero), receiver, now: .zero)
        let parameters = receiver.sections[0].parameters
        receiver.apply(StreamUpdate(parameters: parameters, announcement: .none))
        let track = RemoteTrack(section: 0, mid: "a", streamID: "", trackID: "", ssrc: nil)
        #expect(events(of: receiver) == [.trackAdded(track), .trackRemoved(track)])
        #expect(take(write(1, from: sender, now: .zero), receiver, now: .zero).isEmpty)
        #expect(events(of: receiver).isEmpty)
    }

    @Test("whoever forwards gets packets as they come, and none after the track has ended")
    func raw() {
        let (sender, receiver) = (makeStreams(), makeStreams(mode: .raw, ssrc: nil))
        let packets = (0..<3).map { write($0, from: sender, now: .zero) }
        #expect(take(packets[2], receiver, now: .zero) == [2])
        #expect(take(packets[0], receiver, now: .zero) == [0])
    }

    @Test("reports come in time and say what was lost")
    func reports() throws {
        let (sender, receiver) = (makeStreams(), makeStreams(ssrc: nil))
        for index in [0, 1, 3] {
            let packet = write(index, from: sender, now: .zero)
            _ = take(packet, receiver, now: .zero)
        }
        receiver.startReports(now: .zero)
        _ = events(of: receiver)
        receiver.handleTimeout(now: .zero + .seconds(1)) { _ in }
        var blocks: [ReportBlock] = []
        while let output = receiver.poll() {
            guard case .control(let compound) = output else { continue }
            for case .receiverReport(_, let found) in try RTCPPacket.parse(compound: compound.span.bytes) {
                blocks += found
            }
        }
        #expect(blocks.map(\.ssrc) == [7])
        #expect(receiver.nextDeadline.map { $0 > .zero + .seconds(1) } == true)
    }

    @Test("a peer that says goodbye ends its sound, and what waited behind a gap is heard")
    func goodbye() {
        let (sender, receiver) = (makeStreams(), makeStreams(ssrc: nil))
        let packets = (0..<3).map { write($0, from: sender, now: .zero) }
        _ = take(packets[0], receiver, now: .zero)
        _ = take(packets[2], receiver, now: .zero)
        _ = events(of: receiver)
        sender.queueGoodbye()
        guard case .control(let goodbye) = sender.poll() else {
            Issue.record("nothing is said")
            return
        }
        var heard: [Int] = []
        receiver.receiveControl(goodbye.span.bytes, now: .zero) { heard += Self.index(of: $0) }
        #expect(heard == [-1, 2])
        #expect(events(of: receiver) == [.sourceEnded(section: 0)])
    }
}
