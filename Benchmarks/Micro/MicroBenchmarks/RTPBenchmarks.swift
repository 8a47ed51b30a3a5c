internal import PeerConnection
internal import SecureTransport
internal import Wire

/// RTP, SRTP, the jitter buffer: what each packet of sound goes through.
var rtpBenchmarks: [Benchmark] {
    let payload = [UInt8](repeating: 0x48, count: 80)
    let mid = Array("1".utf8)
    func write(_ number: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let writer = RTPPacketWriter(
            marker: false, payloadType: 111, sequenceNumber: UInt16(truncatingIfNeeded: number),
            timestamp: UInt32(truncatingIfNeeded: number * 960), ssrc: 0x1234_5678)
        return payload.withUnsafeBytes { bytes in
            writer.write(
                into: buffer, payload: bytes,
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
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
                var number = 0
                return {
                    let length = write(number, into: buffer)
                    number += 1
                    keep(sender.protectRTP(buffer, length: length) ?? 0)
                }
            },
            Benchmark("srtp.unprotect.\(name)") { total in
                let sender = try context(profile, isMirrored: false)
                let receiver = try context(profile, isMirrored: true)
                let packets = (0..<total).map { number in
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 160, alignment: 16)
                    let length = sender.protectRTP(buffer, length: write(number, into: buffer)) ?? 0
                    return UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
                }
                var next = 0
                return { times in
                    for _ in 0..<times {
                        keep(receiver.unprotectRTP(packets[next], length: packets[next].count) ?? 0)
                        next += 1
                    }
                }
            },
        ]
    }
    return [
        Benchmark("rtp.write") {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
            var number = 0
            return {
                number += 1
                keep(write(number, into: buffer))
            }
        },
        Benchmark("rtp.parse") {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
            let packet = UnsafeRawBufferPointer(rebasing: buffer[..<write(1, into: buffer)])
            return {
                guard let header = RTPHeader(packet) else { return }
                keep(header.payload(of: packet).count + Int(header.element(1, of: packet)?[0] ?? 0))
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
            payload.withUnsafeBytes { bytes in
                let packet = AudioPacket(
                    sequenceNumber: UInt16(truncatingIfNeeded: number + place),
                    timestamp: UInt32(truncatingIfNeeded: (number + place) * 960), payload: bytes)
                buffer.insert(packet, now: now) { _ in released += 1 }
            }
            keep(released)
        }
    }
}
