internal import ClientProtocol
internal import SecureTransport
internal import Wire

/// What a device shows when it connects: a keyed hash of who it is and of when it was told so, in the form of the self-hosted
/// xiaozhi server (`core/auth.py` there), so that devices can move between the two.
///
/// `base64url(HMAC-SHA256(key, client_id|device_id|seconds)).seconds`, without padding.
enum DeviceToken {
    /// Seconds for which a token counts. Devices ask for a new one whenever they start.
    static let lifetime: Int64 = 30 * 86_400
    /// Seconds by which the clock of whoever made it may be ahead.
    static let tolerance: Int64 = 300
    static let maximumBytes = 128

    static func make(for device: ClientDevice, key: [UInt8], now: Int64) -> String {
        Base64.encode(hash(device, now, key), .urlSafeUnpadded) + ".\(now)"
    }

    static func isValid(_ token: String, for device: ClientDevice, key: [UInt8], now: Int64) -> Bool {
        guard token.utf8.count <= maximumBytes, let dot = token.lastIndex(of: "."),
            let time = Int64(token[token.index(after: dot)...]), (0...now + tolerance).contains(time),
            now - time <= lifetime
        else { return false }
        let expected = Base64.encode(hash(device, time, key), .urlSafeUnpadded)
        return MessageAuthentication.isEqual(expected.utf8, token[..<dot].utf8)
    }

    private static func hash(_ device: ClientDevice, _ time: Int64, _ key: [UInt8]) -> [UInt8] {
        MessageAuthentication.openSSL.hmacSHA256(key, Array("\(device.clientID)|\(device.id)|\(time)".utf8))
    }
}
