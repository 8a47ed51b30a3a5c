package import PeerConnection
internal import Wire

/// Stands in for DTLS and SRTP in tests of a peer connection: a handshake of two datagrams that is repeated until it
/// is answered, and packets with a checksum instead of encryption.
package final class NullTransportFactory: SecureTransportFactory {
    package let fingerprint: CertificateFingerprint

    package init(name: UInt8) {
        fingerprint = CertificateFingerprint(algorithm: "sha-256", digest: [UInt8](repeating: name, count: 32))
    }

    package func makeDTLS() -> any DTLSTransport { NullDTLS(fingerprint: fingerprint) }
    package func makeSRTP(_ keys: SRTPKeys) -> (any SRTPTransform)? { NullSRTP(keys) }
}

/// First byte 22: hello with the fingerprint; 20: finished with the fingerprint; 23: data; 21: close.
final class NullDTLS: DTLSTransport {
    let localFingerprint: CertificateFingerprint
    private(set) var nextDeadline: Instant?
    private var role: DTLSRole?
    private var expecting: [CertificateFingerprint] = []
    private var isConnected = false
    private var isClosed = false
    private var outputs: [DTLSOutput] = []

    init(fingerprint: CertificateFingerprint) { localFingerprint = fingerprint }

    func start(role: DTLSRole, expecting: [CertificateFingerprint], now: Instant) {
        self.role = role
        self.expecting = expecting
        if role == .client { sendHello(now: now) }
    }

    private func sendHello(now: Instant) {
        outputs.append(.transmit([22] + localFingerprint.digest))
        nextDeadline = now + .milliseconds(100)
    }

    func receive(_ datagram: RawSpan, now: Instant) {
        let bytes = [UInt8](copying: datagram)
        switch bytes.first {
        case 22 where role == .server:
            guard verify(bytes) else { return }
            outputs.append(.transmit([20] + localFingerprint.digest))
            connect()
        case 20 where role == .client:
            guard verify(bytes) else { return }
            nextDeadline = nil
            connect()
        case 23: if isConnected { outputs.append(.received(Array(bytes.dropFirst()))) }
        case 21: if isConnected { outputs.append(.closed) }
        default: break
        }
    }

    private func verify(_ bytes: [UInt8]) -> Bool {
        if expecting.contains(where: { $0.digest == Array(bytes.dropFirst()) }) { return true }
        outputs.append(.failed("the certificate has another fingerprint"))
        return false
    }

    private func connect() {
        guard !isConnected, let role else { return }
        isConnected = true
        let mine = [UInt8](repeating: role == .client ? 1 : 2, count: 16)
        let theirs = [UInt8](repeating: role == .client ? 2 : 1, count: 16)
        outputs.append(
            .connected(
                SRTPKeys(
                    profile: .aes128CMHMACSHA1_80, localKey: mine, localSalt: [], remoteKey: theirs, remoteSalt: [])))
    }

    func send(_ datagram: [UInt8]) { if isConnected, !isClosed { outputs.append(.transmit([23] + datagram)) } }

    func handleTimeout(now: Instant) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        sendHello(now: now)
    }

    func poll() -> DTLSOutput? { outputs.isEmpty ? nil : outputs.removeFirst() }

    func close() {
        guard isConnected, !isClosed else { return }
        isClosed = true
        outputs.append(.transmit([21, 0]))
    }
}

/// Appends four bytes that depend on the key and the packet, and refuses packets that came before.
final class NullSRTP: SRTPTransform {
    private let keys: SRTPKeys
    private var seen: Set<[UInt8]> = []

    init(_ keys: SRTPKeys) { self.keys = keys }

    private func tag(_ bytes: RawSpan, _ length: Int, key: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 2_166_136_261
        for byte in key { sum = (sum ^ UInt32(byte)) &* 16_777_619 }
        for index in 0..<length { sum = (sum ^ UInt32(bytes[index])) &* 16_777_619 }
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> UInt32($0)) }
    }

    func protectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length + 4 <= buffer.byteCount else { return nil }
        for (index, byte) in tag(buffer.bytes, length, key: keys.localKey).enumerated() {
            buffer.set(byte, at: length + index)
        }
        return length + 4
    }

    func unprotectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length >= 16, length <= buffer.byteCount, hasTag(buffer.bytes, length) else { return nil }
        let identity =
            [UInt8](copying: buffer.bytes.extracting(2..<4)) + [UInt8](copying: buffer.bytes.extracting(8..<12))
        let type = buffer.bytes[1] & 0x7F
        guard (64..<96).contains(type) || seen.insert(identity).inserted else { return nil }
        return length - 4
    }

    func protectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? { protectRTP(&buffer, length: length) }

    func unprotectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length >= 8, length <= buffer.byteCount, hasTag(buffer.bytes, length) else { return nil }
        return length - 4
    }

    private func hasTag(_ packet: RawSpan, _ length: Int) -> Bool {
        packet.extracting(length - 4..<length).elementsEqual(tag(packet, length - 4, key: keys.remoteKey))
    }
}
