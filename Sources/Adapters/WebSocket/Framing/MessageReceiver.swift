/// What a `MessageReceiver` finds. Bytes are gone after the call.
package protocol MessageReceiverDelegate: AnyObject {
    /// A whole message; text has been checked to be UTF-8.
    func received(message: UnsafeRawBufferPointer, isText: Bool)
    func received(ping: UnsafeRawBufferPointer)
    func received(pong: UnsafeRawBufferPointer)
    /// A close frame; nothing more comes.
    func received(close code: WebSocketCloseCode, reason: String)
    /// A message of so many bytes was too large and has been passed over.
    func skipped(messageOf byteCount: Int)
    /// The peer broke the protocol or a limit; nothing more comes.
    func violated(_ violation: WebSocketViolation)
}

extension MessageReceiverDelegate {
    package func skipped(messageOf byteCount: Int) {}
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

    /// - Parameter unfinished: counts what messages take before they are whole.
    package init(
        role: Role, maximumMessageBytes: Int, skipsLargeMessages: Bool = false,
        unfinished: UnfinishedMessages = .shared
    ) {
        self.unfinished = unfinished
        self.role = role
        self.maximumMessageBytes = maximumMessageBytes
        self.skipsLargeMessages = skipsLargeMessages
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
    package func receive(_ bytes: UnsafeMutableRawBufferPointer, to delegate: some MessageReceiverDelegate) {
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        _ = unsafe receive(bytes, atMost: .max, to: delegate)
    }

    /// Takes the next bytes of the connection, which may be changed, up to the end of so many frames.
    ///
    /// - Returns: how many bytes were taken; the others are to be given again.
    func receive(
        _ bytes: UnsafeMutableRawBufferPointer, atMost maximumFrames: Int, to delegate: some MessageReceiverDelegate
    ) -> Int {
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        var rest = unsafe bytes[...]
        var frames = 0
        while true {
            switch phase {
            case .over:
                return bytes.count
            case .header:
                guard unsafe !rest.isEmpty, frames < maximumFrames else { return unsafe bytes.count - rest.count }
                do {
                    guard let parsed = try unsafe takeHeader(&rest) else { return bytes.count }
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
                guard unsafe missing == 0 || !rest.isEmpty else { return bytes.count }
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: rest.prefix(missing))
                unsafe rest = rest.dropFirst(part.count)
                if skipped != nil, !header.opcode.isControl {
                    skip(part.count, to: delegate)
                    continue
                }
                if let mask = header.mask { unsafe WebSocketMask.apply(mask, to: part, offset: frameOffset) }
                unsafe take(part, to: delegate)
            }
        }
    }

    /// Reads a head from the front of `rest`, or keeps what there is of it.
    private func takeHeader(
        _ rest: inout Slice<UnsafeMutableRawBufferPointer>
    ) throws(WebSocketViolation) -> WebSocketFrameHeader? {
        if partialHeader.isEmpty {
            // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
            let front = unsafe UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: rest))
            if let whole = try unsafe WebSocketFrameHeader(parsing: front) {
                unsafe rest = rest.dropFirst(whole.encodedBytes)
                return whole
            }
        }
        // At most fourteen bytes go this way, and only when TCP has cut a head in two.
        while let byte = unsafe rest.first {
            partialHeader.append(byte)
            unsafe rest = rest.dropFirst()
            let attempt = unsafe partialHeader.withUnsafeBytes { bytes in
                Result { () throws(WebSocketViolation) in try unsafe WebSocketFrameHeader(parsing: bytes) }
            }
            let parsed = try attempt.get()
            if let parsed {
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
            checker = UTF8Checker()
        }
        guard skipped == nil, header.payloadBytes > maximumMessageBytes - message.count else { return }
        guard skipsLargeMessages else {
            throw WebSocketViolation(
                code: .messageTooBig, reason: "messages may have \(maximumMessageBytes) bytes at most")
        }
        skipped = message.count
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

    private func take(_ part: UnsafeMutableRawBufferPointer, to delegate: some MessageReceiverDelegate) {
        let isWhole = frameOffset + part.count == header.payloadBytes
        if header.opcode.isControl {
            if isWhole, control.isEmpty {
                phase = .header
                // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
                return unsafe finishControl(UnsafeRawBufferPointer(part), to: delegate)
            }
            unsafe control.append(contentsOf: part)
            frameOffset += part.count
            guard isWhole else { return }
            let payload = control
            control = []
            phase = .header
            return unsafe payload.withUnsafeBytes { unsafe finishControl($0, to: delegate) }
        }
        if header.opcode != .continuation, header.isFinal, isWhole, message.isEmpty {
            phase = .header
            return unsafe finish(UnsafeRawBufferPointer(part), isText: header.opcode == .text, to: delegate)
        }
        let isText = fragmented == .text || header.opcode == .text
        if isText, unsafe !checker.take(UnsafeRawBufferPointer(part)) { return failText(to: delegate) }
        guard reserve(message.count + part.count) else {
            let reason = "the server has too many unfinished messages"
            return fail(WebSocketViolation(code: .tryAgainLater, reason: reason), to: delegate)
        }
        unsafe message.append(contentsOf: part)
        frameOffset += part.count
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
        unsafe whole.withUnsafeBytes { unsafe delegate.received(message: $0, isText: isText) }
        guard whole.capacity <= Self.maximumKeptBytes else { return }
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &message)
    }

    private func finish(
        _ payload: UnsafeRawBufferPointer, isText: Bool, to delegate: some MessageReceiverDelegate
    ) {
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        if isText, unsafe !Self.isUTF8(payload) { return failText(to: delegate) }
        unsafe delegate.received(message: payload, isText: isText)
    }

    private func failText(to delegate: some MessageReceiverDelegate) {
        fail(WebSocketViolation(code: .invalidPayload, reason: "text is not UTF-8"), to: delegate)
    }

    private func finishControl(_ payload: UnsafeRawBufferPointer, to delegate: some MessageReceiverDelegate) {
        switch header.opcode {
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        case .ping: unsafe delegate.received(ping: payload)
        case .pong: unsafe delegate.received(pong: payload)
        case .close: unsafe finishClose(payload, to: delegate)
        case .continuation, .text, .binary: break
        }
    }

    /// RFC 6455 section 5.5.1: nothing, or a code with an optional reason in UTF-8.
    private func finishClose(_ payload: UnsafeRawBufferPointer, to delegate: some MessageReceiverDelegate) {
        guard payload.count != 1 else {
            return fail(.protocolError("a close frame has half a code"), to: delegate)
        }
        guard payload.count >= 2 else {
            phase = .over
            return delegate.received(close: .noStatus, reason: "")
        }
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        let code = unsafe WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isSendable else {
            return fail(.protocolError("the close code \(code.rawValue) may not be sent"), to: delegate)
        }
        let reason = unsafe UnsafeRawBufferPointer(rebasing: payload[2...])
        guard unsafe Self.isUTF8(reason) else {
            return fail(WebSocketViolation(code: .invalidPayload, reason: "a close reason is not UTF-8"), to: delegate)
        }
        phase = .over
        unsafe delegate.received(close: code, reason: String(decoding: reason, as: UTF8.self))
    }

    private func fail(_ violation: WebSocketViolation, to delegate: some MessageReceiverDelegate) {
        stop()
        delegate.violated(violation)
    }

    /// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the bytes are valid during the call, and every part of them lies within their count.
        unsafe bytes.withMemoryRebound(to: UInt8.self) { buffer in
            unsafe (try? UTF8Span(validating: buffer.span)) != nil
        }
    }
}
