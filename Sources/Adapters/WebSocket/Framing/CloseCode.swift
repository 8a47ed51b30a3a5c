/// Why a WebSocket connection ends (RFC 6455 section 7.4).
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = WebSocketCloseCode(rawValue: 1000)
    package static let goingAway = WebSocketCloseCode(rawValue: 1001)
    package static let protocolError = WebSocketCloseCode(rawValue: 1002)
    package static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// Never sent: the close frame carried no code.
    package static let noStatus = WebSocketCloseCode(rawValue: 1005)
    /// Never sent: the connection ended without a close frame.
    package static let abnormal = WebSocketCloseCode(rawValue: 1006)
    package static let invalidPayload = WebSocketCloseCode(rawValue: 1007)
    package static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    package static let messageTooBig = WebSocketCloseCode(rawValue: 1009)
    package static let internalError = WebSocketCloseCode(rawValue: 1011)
    package static let serviceRestart = WebSocketCloseCode(rawValue: 1012)
    package static let tryAgainLater = WebSocketCloseCode(rawValue: 1013)

    /// Whether the code may stand in a close frame: those that RFC 6455 and the IANA registry define for it, those of
    /// libraries (3000 to 3999) and of applications (4000 to 4999).
    package var isSendable: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// How a connection ended.
package struct WebSocketClosure: Hashable, Sendable {
    /// What the peer's close frame said, or 1005 when it said nothing; what ours said when the fault was seen
    /// here; 1006 when the connection just ended.
    package let code: WebSocketCloseCode
    package let reason: String
    /// Whether both sides sent a close frame before the connection ended (RFC 6455 section 7.1.4).
    package let wasClean: Bool
    /// Whether this side began to close.
    package let wasLocal: Bool

    package init(code: WebSocketCloseCode, reason: String, wasClean: Bool, wasLocal: Bool) {
        self.code = code
        self.reason = reason
        self.wasClean = wasClean
        self.wasLocal = wasLocal
    }
}

extension String {
    /// The longest beginning that fits a close frame and does not end inside a character.
    var closeReason: String {
        let limit = WebSocketFrameHeader.maximumControlPayloadBytes - 2
        guard utf8.count > limit else { return self }
        var result = ""
        var count = 0
        for scalar in unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
