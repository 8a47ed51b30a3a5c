internal import Wire

/// What a `MessageReceiver` finds. Bytes are gone after the call.
package protocol MessageReceiverDelegate: AnyObject {
    /// A whole message; text has been checked to be UTF-8.
    func received(message: RawSpan, isText: Bool)
    /// The next piece of a large text message, where those are wanted in pieces; what of it has come has been checked to be
    /// UTF-8, a character that a piece ends within excepted. A message that is given up then has no last one.
    ///
    /// - Parameter expected: how long the message is, as far as that is known.
    func received(textPiece: RawSpan, isLast: Bool, expected: Int)
    func received(ping: RawSpan)
    func received(pong: RawSpan)
    /// A close frame; nothing more comes.
    func received(close code: WebSocketCloseCode, reason: String)
    /// A message of so many bytes was too large and has been passed over.
    func skipped(messageOf byteCount: Int)
    /// The peer broke the protocol or a limit; nothing more comes.
    func violated(_ violation: WebSocketViolation)
}

extension MessageReceiverDelegate {
    package func skipped(messageOf byteCount: Int) {}
    package func received(textPiece: RawSpan, isLast: Bool, expected: Int) {}
}

/// Turns the bytes of a connection into messages (RFC 6455 sections 5.2 to 5.6 and 8.1). No socket and no clock inside.
///
/// Payload is unmasked where it lies. A message of one frame that has arrived as a whole is handed over right there;
/// only what is split, by fragmentation or by TCP, is copied together.
package final class MessageReceiver {
    /// Which end this is: clients must mask, servers must not (RFC 6455 section 5.1).
    package enum Role: Sendable {
        case server
        case client
    }

    /// An assembly buffer larger than this is given back after its message, so that one large message does not cost
    /// memory for the life of the connection.
    static let maximumKeptBytes = 16_384

    private enum Phase {
        case header
        case payload
        case over
    }

    private let role: Role
    /// A longer message is answered with close code 1009.
    package var maximumMessageBytes: Int
    /// It is passed over instead.
    private let skipsLargeMessages: Bool
    /// A longer text message is handed over in pieces.
    private let piecesBeyond: Int
    /// How much of the message under way has been handed over in pieces.
    private var passedOn = 0
    /// How much of the message under way has been passed over; nil when it is kept.
    private var skipped: Int?
    private var phase = Phase.header
    /// A head whose bytes came in pieces.
    private var partialHeader: [UInt8] = []
    private var header = WebSocketFrameHeader(opcode: .binary, payloadBytes: 0)
    /// How much of the current frame's payload has been put into `message` or `control`.
    private var frameOffset = 0
    /// Payload of the current message that could not be handed over at once.
    private var message: [UInt8] = []
    private var control: [UInt8] = []
    /// The kind of the fragmented message under way.
    private var fragmented: WebSocketOpcode?
    /// Of the text under way.
    private var checker = UTF8Checker()
    private let unfinished: UnfinishedMessages
    /// What `message` has taken of it.
    private var reserved = 0
    /// How many messages have begun so far.
    private(set) var begunMessages = 0

    /// - Parameters:
    ///   - piecesBeyond: a text message of more bytes comes in pieces.
    ///   - unfinished: counts what messages take before they are whole.
    package init(
        role: Role, maximumMessageBytes: Int, skipsLargeMessages: Bool = false, piecesBeyond: Int = .max,
        unfinished: UnfinishedMessages = .shared
    ) {
        self.unfinished = unfinished
        self.role = role
        self.maximumMessageBytes = maximumMessageBytes
        self.skipsLargeMessages = skipsLargeMessages
        self.piecesBeyond = piecesBeyond
    }

    deinit { unfinished.give(reserved) }

    /// Whether a message has begun and not ended.
    var isInsideMessage: Bool {
        switch phase {
        case .header: fragmented != nil
        case .payload: fragmented != nil || !header.opcode.isControl
        case .over: false
        }
    }

    /// Nothing more is looked at.
    package func stop() {
        phase = .over
        message = []
        release()
    }

    private func release() {
        unfinished.give(reserved)
        reserved = 0
    }

    /// Takes room for a message of so many bytes.
    private func reserve(_ count: Int) -> Bool {
        guard count > reserved + UnfinishedMessages.pieceBytes else { return true }
        let more = count - reserved
        guard unfinished.take(more) else { return false }
        reserved += more
        return true
    }

    /// Takes the next bytes of the connection, which may be changed.
    package func receive(_ bytes: inout MutableRawSpan, to delegate: some MessageReceiverDelegate) {
        _ = receive(&bytes, atMost: .max, to: delegate)
    }

    /// Takes the next bytes of the connection, which may be changed, up to the end of so many frames.
    ///
    /// - Parameter start: what is in front of it has been taken before.
    /// - Returns: the end of what was taken; what is behind it is to be given again.
    func receive(
        _ bytes: inout MutableRawSpan, from start: Int = 0, atMost maximumFrames: Int,
        to delegate: some MessageReceiverDelegate
    ) -> Int {
        let count = bytes.byteCount
        var offset = start
        var frames = 0
        while true {
            switch phase {
            case .over:
                return count
            case .header:
                guard offset < count, frames < maximumFrames else { return offset }
                do {
                    guard let parsed = try takeHeader(bytes.bytes, &offset) else { return count }
                    header = parsed
                    try check(parsed)
                    frameOffset = 0
                    frames += 1
                    phase = .payload
                } catch {
                    fail(error, to: delegate)
                }
            case .payload:
                let missing = header.payloadBytes - frameOffset
                guard missing == 0 || offset < count else { return count }
                let part = offset..<offset + min(missing, count - offset)
                offset = part.upperBound
                if skipped != nil, !header.opcode.isControl {
                    skip(part.count, to: delegate)
                    continue
                }
                if let mask = header.mask { WebSocketMask.apply(mask, to: &bytes, part, offset: frameOffset) }
                take(bytes.bytes.extracting(part), to: delegate)
            }
        }
    }

    /// Reads a head from `offset` on, or keeps what there is of it.
    private func takeHeader(
        _ bytes: RawSpan, _ offset: inout Int
    ) throws(WebSocketViolation) -> WebSocketFrameHeader? {
        if partialHeader.isEmpty,
            let whole = try WebSocketFrameHeader(parsing: bytes.extracting(offset..<bytes.byteCount))
        {
            offset += whole.encodedBytes
            return whole
        }
        // At most fourteen bytes go this way, and only when TCP has cut a head in two.
        while offset < bytes.byteCount {
            partialHeader.append(bytes[offset])
            offset += 1
            if let parsed = try WebSocketFrameHeader(parsing: partialHeader.span.bytes) {
                partialHeader.removeAll(keepingCapacity: true)
                return parsed
            }
        }
        return nil
    }

    private func check(_ header: WebSocketFrameHeader) throws(WebSocketViolation) {
        guard (header.mask != nil) == (role == .server) else {
            throw .protocolError(role == .server ? "a frame is not masked" : "a frame from the server is masked")
        }
        switch header.opcode {
        case .close, .ping, .pong:
            return
        case .continuation:
            guard fragmented != nil else { throw .protocolError("there is no message to continue") }
        case .text, .binary:
            guard fragmented == nil else { throw .protocolError("a message begins inside another one") }
            begunMessages += 1
            passedOn = 0
            checker = UTF8Checker()
        }
        guard skipped == nil, header.payloadBytes > maximumMessageBytes - passedOn - message.count else { return }
        guard skipsLargeMessages else {
            throw WebSocketViolation(
                code: .messageTooBig, reason: "messages may have \(maximumMessageBytes) bytes at most")
        }
        skipped = passedOn + message.count
        message = []
        release()
    }

    /// Passes over payload of a message that is too large. It is not even unmasked.
    private func skip(_ count: Int, to delegate: some MessageReceiverDelegate) {
        let total = (skipped ?? 0) + count
        skipped = total
        frameOffset += count
        guard frameOffset == header.payloadBytes else { return }
        phase = .header
        if header.opcode != .continuation { fragmented = header.opcode }
        guard header.isFinal else { return }
        fragmented = nil
        skipped = nil
        delegate.skipped(messageOf: total)
    }

    private func take(_ part: RawSpan, to delegate: some MessageReceiverDelegate) {
        let isWhole = frameOffset + part.byteCount == header.payloadBytes
        if header.opcode.isControl {
            if isWhole, control.isEmpty {
                phase = .header
                return finishControl(part, to: delegate)
            }
            control.append(copying: part)
            frameOffset += part.byteCount
            guard isWhole else { return }
            let payload = control
            control = []
            phase = .header
            return finishControl(payload.span.bytes, to: delegate)
        }
        if header.opcode != .continuation, header.isFinal, isWhole, message.isEmpty, passedOn == 0 {
            phase = .header
            return finish(part, isText: header.opcode == .text, to: delegate)
        }
        let isText = fragmented == .text || header.opcode == .text
        if isText, !checker.take(part) { return failText(to: delegate) }
        guard reserve(passedOn + message.count + part.byteCount) else {
            let reason = "the server has too many unfinished messages"
            return fail(WebSocketViolation(code: .tryAgainLater, reason: reason), to: delegate)
        }
        if isText, passedOn + message.count + part.byteCount > piecesBeyond {
            return passOn(part, isWhole: isWhole, to: delegate)
        }
        message.append(copying: part)
        frameOffset += part.byteCount
        guard isWhole else { return }
        phase = .header
        if header.opcode != .continuation { fragmented = header.opcode }
        guard header.isFinal else { return }
        fragmented = nil
        guard !isText || checker.isComplete else { return failText(to: delegate) }
        release()
        // Taken out, since the delegate may stop us meanwhile; put back without a copy.
        var whole: [UInt8] = []
        swap(&whole, &message)
        delegate.received(message: whole.span.bytes, isText: isText)
        guard whole.capacity <= Self.maximumKeptBytes else { return }
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &message)
    }

    /// Hands over a piece of a large text message, and before the first one what was kept of it.
    private func passOn(_ part: RawSpan, isWhole: Bool, to delegate: some MessageReceiverDelegate) {
        frameOffset += part.byteCount
        passedOn += part.byteCount
        if isWhole {
            phase = .header
            if header.opcode != .continuation { fragmented = .text }
        }
        let isLast = isWhole && header.isFinal
        let expected = passedOn + message.count + header.payloadBytes - frameOffset
        if isLast {
            fragmented = nil
            guard checker.isComplete else { return failText(to: delegate) }
            release()
        }
        if !message.isEmpty {
            var first: [UInt8] = []
            swap(&first, &message)
            passedOn += first.count
            delegate.received(textPiece: first.span.bytes, isLast: false, expected: expected)
        }
        if case .over = phase { return }
        delegate.received(textPiece: part, isLast: isLast, expected: expected)
    }

    private func finish(_ payload: RawSpan, isText: Bool, to delegate: some MessageReceiverDelegate) {
        if isText, !Self.isUTF8(payload) { return failText(to: delegate) }
        delegate.received(message: payload, isText: isText)
    }

    private func failText(to delegate: some MessageReceiverDelegate) {
        fail(WebSocketViolation(code: .invalidPayload, reason: "text is not UTF-8"), to: delegate)
    }

    private func finishControl(_ payload: RawSpan, to delegate: some MessageReceiverDelegate) {
        switch header.opcode {
        case .ping: delegate.received(ping: payload)
        case .pong: delegate.received(pong: payload)
        case .close: finishClose(payload, to: delegate)
        case .continuation, .text, .binary: break
        }
    }

    /// RFC 6455 section 5.5.1: nothing, or a code with an optional reason in UTF-8.
    private func finishClose(_ payload: RawSpan, to delegate: some MessageReceiverDelegate) {
        guard payload.byteCount != 1 else {
            return fail(.protocolError("a close frame has half a code"), to: delegate)
        }
        guard payload.byteCount >= 2 else {
            phase = .over
            return delegate.received(close: .noStatus, reason: "")
        }
        let code = WebSocketCloseCode(rawValue: payload.bigEndianUInt16(at: 0))
        guard code.isSendable else {
            return fail(.protocolError("the close code \(code.rawValue) may not be sent"), to: delegate)
        }
        let reason = payload.extracting(2..<payload.byteCount)
        guard Self.isUTF8(reason) else {
            return fail(WebSocketViolation(code: .invalidPayload, reason: "a close reason is not UTF-8"), to: delegate)
        }
        phase = .over
        delegate.received(close: code, reason: String(decoding: [UInt8](copying: reason), as: UTF8.self))
    }

    private func fail(_ violation: WebSocketViolation, to delegate: some MessageReceiverDelegate) {
        stop()
        delegate.violated(violation)
    }

    /// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
    static func isUTF8(_ bytes: RawSpan) -> Bool { (try? UTF8Span(validating: bytes.octets)) != nil }
}
