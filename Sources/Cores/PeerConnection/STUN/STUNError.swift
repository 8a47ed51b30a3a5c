/// Why bytes are not a usable STUN message.
package enum STUNError: Error, Hashable, Sendable {
    /// Shorter than the 20-byte header, or than the header's length field says; or longer.
    case wrongLength
    /// The two top bits are set, or the magic cookie is missing: some other protocol.
    case notSTUN
    /// An attribute of this type has a length or content that its definition does not allow.
    case malformedAttribute(UInt16)
    /// More attributes than `STUNMessage.maximumAttributes`.
    case tooManyAttributes
    /// FINGERPRINT is there and does not fit.
    case fingerprintMismatch
}

/// The numeric code and the reason phrase of an error response (RFC 8489, section 14.8).
package struct STUNErrorCode: Hashable, Sendable {
    /// 300 to 699.
    package let code: Int
    /// For people who read traces; never acted upon.
    package let reason: String

    package init(code: Int, reason: String) {
        self.code = code
        self.reason = reason
    }

    package static let badRequest = STUNErrorCode(code: 400, reason: "Bad Request")
    package static let unauthenticated = STUNErrorCode(code: 401, reason: "Unauthenticated")
    package static let unknownAttribute = STUNErrorCode(code: 420, reason: "Unknown Attribute")
    /// RFC 8445, section 7.3.1.1: both agents believe to have the same role.
    package static let roleConflict = STUNErrorCode(code: 487, reason: "Role Conflict")
}
