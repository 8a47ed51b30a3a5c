internal import PeerConnection
internal import SecureTransport
internal import Wire

/// RTP, SRTP, the jitter buffer: what each packet of sound goes through.
var rtpBenchmarks: [Benchmark] {
    let payload = [UInt8](repeating: 0x48, count: 80)
    let mid = Array("1".utf8)
    func write(_ number: Int, into buffer: inout [UInt8]) -> Int {
        let writer = RTPPacketWriter(
            marker: false, payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: number),
            timestamp: UInt32(truncatingIfNeeded: number * 960), ssrc: 0x1234_5678)
        return buffer.withMutableBytes { room in
            writer.write(
                into: &room, payload: payload.span.bytes,
                audioLevel: (id: 1, level: AudioLevel(negatedDecibels: 30, hasVoice: true)),
                mid: (id: 4, bytes: mid)) ?? 0
        }
    }
    func context(_ profile: SRTPProfile, isMirrored: Bool) throws -> SRTPContext {
        let keys = (0..<2).map { index in [UInt8](repeating: UInt8(index + 1), count: profile.keyLength) }
        let salts = (0..<2).map { index in [UInt8](repeating: UInt8(index + 7), count: profile.saltLength) }
        let (own, other) = isMirrored ? (1, 0) : (0, 1)
        guard
            let made = SRTPContext(
                SRTPKeys(
                    profile: profile, localKey: keys[own], localSalt: salts[own], remoteKey: keys[other],
                    remoteSalt: salts[other]))
        else { throw TextFile.Failure(description: "libsrtp refuses the keys") }
        return made
    }
    func srtp(_ name: String, _ profile: SRTPProfile) -> [Benchmark] {
        [
            Benchmark("srtp.protect.\(name)") {
                let sender = try context(profile, isMirrored: false)
                var buffer = [UInt8](repeating: 0, count: 256)
                var number = 0
                return {
                    let length = write(number, into: &buffer)
                    number += 1
                    keep(buffer.withMutableBytes { sender.protectRTP(&$0, length: length) } ?? 0)
                }
            },
            Benchmark("srtp.unprotect.\(name)") { total in
                let sender = try context(profile, isMirrored: false)
                let receiver = try context(profile, isMirrored: true)
                var packets = (0..<total).map { number in
                    var buffer = [UInt8](repeating: 0, count: 160)
                    let length = write(number, into: &buffer)
                    let protected = buffer.withMutableBytes { sender.protectRTP(&$0, length: length) }
                    return Array(buffer[..<(protected ?? 0)])
                }
                var next = 0
                return { times in
                    for _ in 0..<times {
                        let length = packets[next].count
                        keep(packets[next].withMutableBytes { receiver.unprotectRTP(&$0, length: length) } ?? 0)
                        next += 1
                    }
                }
            },
        ]
    }
    return [
        Benchmark("rtp.write") {
            var buffer = [UInt8](repeating: 0, count: 256)
            var number = 0
            return {
                number += 1
                keep(write(number, into: &buffer))
            }
        },
        Benchmark("rtp.parse") {
            var packet = [UInt8](repeating: 0, count: 256)
            packet.removeSubrange(write(1, into: &packet)...)
            return {
                let bytes = packet.span.bytes
                guard let header = RTPHeader(bytes) else { return }
                var level = 0
                if let element = header.element(1, of: bytes) { level = Int(element[0]) }
                keep(header.payload(of: bytes).byteCount + level)
            }
        },
    ] + srtp("gcm", .aeadAES128GCM) + srtp("cm", .aes128CMHMACSHA1_80) + [
        jitterBuffer("jitter.in-order", order: [0]),
        jitterBuffer("jitter.swapped", order: [1, -1]),
        jitterBuffer("jitter.one-lost-of-8", order: [0, 0, 0, nil, 0, 0, 0, 0]),
    ]
}

/// Packets of 20 ms into a jitter buffer.
/// - Parameter order: over and over: how many places each packet is from its turn; nil for one that is lost.
private func jitterBuffer(_ name: String, order: [Int?]) -> Benchmark {
    Benchmark(name) {
        let buffer = JitterBuffer()
        // CELT, one frame of 20 ms.
        let payload = [UInt8](repeating: 0xF8, count: 80)
        var number = 1000
        var turn = 0
        var released = 0
        return {
            let place = order[turn]
            turn = turn + 1 == order.count ? 0 : turn + 1
            let now = Instant(nanoseconds: Int64(number) * 20_000_000)
            defer { number += 1 }
            if let deadline = buffer.nextDeadline, deadline <= now {
                buffer.handleTimeout(now: now) { _ in released += 1 }
            }
            guard let place else { return }
            let packet = AudioPacket(
                sequenceNumber: UInt16(truncatingIfNeeded: number + place),
                timestamp: UInt32(truncatingIfNeeded: (number + place) * 960), payload: payload.span.bytes)
            buffer.insert(packet, now: now) { _ in released += 1 }
            keep(released)
        }
    }
}
