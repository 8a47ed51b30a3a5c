internal import EventLoops
internal import PeerConnection
internal import SecureTransport
internal import Signalling
internal import Wire

/// End-to-end encryption of one participant, as LiveKit's SDKs do it: seals our frames and data, and has a `SenderKeys` for
/// each of the others. Belongs to one loop.
package final class RoomEncryption: FrameSealer {
    /// What becomes of somebody else's sound.
    package enum News: Hashable, Sendable {
        /// It is encrypted with a key that we have not.
        case unreadable(String)
        /// It can be opened, after all.
        case readable(String)
    }

    /// Senders of data may be invented by a server.
    private static let maximumSenders = 1024

    /// What stands behind frames that the server makes; empty when it makes none.
    var serverTrailer: [UInt8] = []
    var onNews: ((News) -> Void)?
    private let chains: [UInt8: KeyChain]
    /// The key that we send with.
    private let index: UInt8
    private let count: () -> Void
    private var ciphers: [UInt8: [FrameCipher]] = [:]
    private var senders: [String: SenderKeys] = [:]
    private var nonces: NonceSequence
    /// The frame that is being sealed; its storage is used again.
    private var frame: [UInt8] = []

    /// - Parameters:
    ///   - chains: of each key; the last one is sent with.
    ///   - random: cryptographically secure.
    ///   - count: called for each frame that cannot be opened.
    /// - Returns: nil without a key.
    package init?(_ chains: [KeyChain], random: any RandomNumberGenerator, count: @escaping () -> Void) {
        guard let last = chains.last else { return nil }
        index = last.index
        self.chains = Dictionary(chains.map { ($0.index, $0) }) { $1 }
        self.count = count
        nonces = NonceSequence(random: random)
    }

    /// Derives the first of each key. Nothing can be sealed or opened before.
    /// - Parameter completion: called once; with false when memory ran out.
    func prepare(completion: @escaping (Bool) -> Void) {
        var left = chains.count
        var isComplete = true
        for chain in chains.values {
            chain.prepare(1) { isReady in
                left -= 1
                isComplete = isComplete && isReady
                if left == 0 { completion(isComplete) }
            }
        }
    }

    /// Has the keys after as many turns of the ratchet derived, if they are not.
    func prepare(_ index: UInt8, turns: Int, completion: @escaping () -> Void = {}) {
        chains[index]?.prepare(turns + 1) { _ in completion() }
    }

    /// The cipher of a key after so many turns of the ratchet; nil when it is not there, or not yet.
    func cipher(_ index: UInt8, turn: Int) -> FrameCipher? {
        guard let chain = chains[index], turn < chain.keys.count else { return nil }
        while (ciphers[index]?.count ?? 0) <= turn {
            guard let cipher = FrameCipher(key: chain.keys[ciphers[index]?.count ?? 0]) else { return nil }
            ciphers[index, default: []].append(cipher)
        }
        return ciphers[index]?[turn]
    }

    /// What the frames of a participant are opened with.
    func opener(of identity: String) -> SenderKeys {
        if let known = senders[identity] { return known }
        if senders.count >= Self.maximumSenders { senders = [:] }
        let sender = SenderKeys(identity, self)
        senders[identity] = sender
        return sender
    }

    func tell(_ news: News) { onNews?(news) }

    func noteFailure() { count() }

    // MARK: Frames

    package func seal(_ bytes: RawSpan) -> [UInt8]? {
        guard bytes.byteCount >= SealedFrame.headerLength, let cipher = cipher(index, turn: 0) else { return nil }
        let length = bytes.byteCount
        frame.removeAll(keepingCapacity: true)
        frame.append(copying: bytes)
        for _ in 0..<SealedFrame.tagLength { frame.append(0) }
        nonces.append(to: &frame)
        frame.append(UInt8(SealedFrame.nonceLength))
        frame.append(index)
        return cipher.seal(
            &frame, header: SealedFrame.headerLength, length: length, nonce: length + SealedFrame.tagLength)
            ? frame : nil
    }

    // MARK: Data

    /// The packet with its content encrypted; as it is, if it is of a kind that goes in clear: tones and transcription packets.
    /// - Returns: nil only when memory ran out.
    func seal(_ packet: DataPacket) -> DataPacket? {
        guard let value = packet.value, let payload = EncryptedPacketPayload(value) else { return packet }
        guard let cipher = cipher(index, turn: 0) else { return nil }
        var bytes = payload.encoded()
        let length = bytes.count
        bytes += [UInt8](repeating: 0, count: FrameCipher.tagLength)
        nonces.append(to: &bytes)
        let nonce = length + FrameCipher.tagLength
        guard cipher.seal(&bytes, header: 0, length: length, nonce: nonce) else { return nil }
        var sealed = packet
        sealed.value = .encryptedPacket(
            .with {
                $0.encryptionType = .gcm
                $0.iv = Array(bytes[nonce...])
                $0.keyIndex = UInt32(index)
                $0.encryptedValue = Array(bytes[..<nonce])
            })
        return sealed
    }

    /// What is in an encrypted packet; nil when it cannot be opened.
    func open(_ packet: EncryptedPacket, from identity: String) -> DataPacket.Value? {
        guard packet.iv.count == FrameCipher.nonceLength, let keyIndex = UInt8(exactly: packet.keyIndex),
            let text = opener(of: identity).open(data: packet.encryptedValue + packet.iv, keyIndex: keyIndex),
            let payload = try? EncryptedPacketPayload(decoding: text)
        else {
            noteFailure()
            return nil
        }
        return payload.value?.packetValue
    }
}

extension EncryptedPacketPayload {
    /// Nil for what goes in clear.
    fileprivate init?(_ value: DataPacket.Value) {
        self.init()
        switch value {
        case .user(let user): self.value = .user(user)
        case .chatMessage(let message): self.value = .chatMessage(message)
        case .rpcRequest(let request): self.value = .rpcRequest(request)
        case .rpcAck(let ack): self.value = .rpcAck(ack)
        case .rpcResponse(let response): self.value = .rpcResponse(response)
        case .streamHeader(let header): self.value = .streamHeader(header)
        case .streamChunk(let chunk): self.value = .streamChunk(chunk)
        case .streamTrailer(let trailer): self.value = .streamTrailer(trailer)
        case .speaker, .sipDtmf, .transcription, .encryptedPacket: return nil
        }
    }
}

extension EncryptedPacketPayload.Value {
    fileprivate var packetValue: DataPacket.Value {
        switch self {
        case .user(let user): .user(user)
        case .chatMessage(let message): .chatMessage(message)
        case .rpcRequest(let request): .rpcRequest(request)
        case .rpcAck(let ack): .rpcAck(ack)
        case .rpcResponse(let response): .rpcResponse(response)
        case .streamHeader(let header): .streamHeader(header)
        case .streamChunk(let chunk): .streamChunk(chunk)
        case .streamTrailer(let trailer): .streamTrailer(trailer)
        }
    }
}
