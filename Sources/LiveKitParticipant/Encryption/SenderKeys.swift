internal import PeerConnection
internal import SecureTransport
internal import Wire

/// What one participant encrypts with, as far as we have found out: with which of our keys, and how often it has turned the
/// ratchet. Opens its frames and its data. Belongs to one loop.
final class SenderKeys: FrameOpener {
    /// So many frames in a row that cannot be opened, two seconds of speech, are told.
    static let patience = 100
    /// What a server sends in place of a muted track, behind which its trailer stands: an Opus packet of silence, filled up with
    /// zeros.
    private static let silence: [UInt8] = [0xF8, 0xFF, 0xFE]

    private let identity: String
    private unowned let encryption: RoomEncryption
    /// Turns of the ratchet, by the index of the key.
    private var turns: [UInt8: Int] = [:]
    private var failures = 0
    /// Nobody was able to read the last frames, and that has been told.
    private var isTold = false
    /// The frame that is being opened; its storage is used again.
    private var frame: [UInt8] = []

    /// - Parameter encryption: owns this object.
    init(_ identity: String, _ encryption: RoomEncryption) {
        self.identity = identity
        self.encryption = encryption
    }

    func open(_ sealed: RawSpan, isGuess: Bool) -> [UInt8]? {
        // Nothing is encrypted where there is nothing.
        guard !sealed.isEmpty else { return [] }
        if let injected = injected(sealed) { return injected }
        guard let place = SealedFrame(sealed) else { return isGuess ? nil : failed() }
        let isOpen = attempt(place.keyIndex, isGuess: isGuess) { cipher in
            frame.removeAll(keepingCapacity: true)
            frame.append(copying: sealed)
            return cipher.open(&frame, header: SealedFrame.headerLength, length: place.length, nonce: place.nonce)
        }
        guard isOpen else { return isGuess ? nil : failed() }
        frame.removeLast(frame.count - place.length)
        failures = 0
        if isTold {
            isTold = false
            encryption.tell(.readable(identity))
        }
        return frame
    }

    /// Opens the text, the tag and the nonce of a data packet, one behind the other.
    func open(data: [UInt8], keyIndex: UInt8) -> [UInt8]? {
        let length = data.count - FrameCipher.tagLength - FrameCipher.nonceLength
        guard length >= 0 else { return nil }
        var text: [UInt8] = []
        let isOpen = attempt(keyIndex, isGuess: false) { cipher in
            text = data
            return cipher.open(&text, header: 0, length: length, nonce: length + FrameCipher.tagLength)
        }
        return isOpen ? Array(text.prefix(length)) : nil
    }

    /// Tries the key that was right last, then those after it.
    /// - Parameter isGuess: no key is derived for that.
    private func attempt(_ index: UInt8, isGuess: Bool, _ open: (FrameCipher) -> Bool) -> Bool {
        let turn = turns[index] ?? 0
        guard let cipher = encryption.cipher(index, turn: turn) else { return false }
        if open(cipher) { return true }
        for later in turn + 1...turn + KeyChain.window {
            guard let cipher = encryption.cipher(index, turn: later) else {
                if !isGuess { encryption.prepare(index, turns: turn + KeyChain.window) }
                return false
            }
            if open(cipher) {
                turns[index] = later
                return true
            }
        }
        return false
    }

    private func failed() -> [UInt8]? {
        encryption.noteFailure()
        failures += 1
        if failures == Self.patience, !isTold {
            isTold = true
            encryption.tell(.unreadable(identity))
        }
        return nil
    }

    /// Silence that the server has put in, which cannot be encrypted. Nothing else goes past the key.
    private func injected(_ bytes: RawSpan) -> [UInt8]? {
        let trailer = encryption.serverTrailer
        let length = bytes.byteCount - trailer.count
        guard !trailer.isEmpty, length >= Self.silence.count,
            trailer.indices.allSatisfy({ bytes[length + $0] == trailer[$0] }),
            (0..<length).allSatisfy({ bytes[$0] == ($0 < Self.silence.count ? Self.silence[$0] : 0) })
        else { return nil }
        return Self.silence
    }
}
