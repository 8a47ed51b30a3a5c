package import HTTP
internal import Wire

/// The opening handshake's key and its answer (RFC 6455 sections 4.1 and 4.2.2).
package enum WebSocketHandshake {
    /// The only version there is.
    package static let version = "13"
    static let keyBytes = 16

    /// What a server answers to `Sec-WebSocket-Key`.
    package static func accept(for key: String) -> String {
        Base64.encode(SHA1.digest(Array(key.utf8) + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)))
    }

    /// Checks an upgrade request as RFC 6455 section 4.2.1 demands.
    ///
    /// - Returns: the answer to send when something is wrong; nil when all is well.
    package static func complaint(about request: HTTPRequest) -> HTTPResponse? {
        let versions = request.headers.values("Sec-WebSocket-Version")
        guard versions.count <= 1 else { return .text(400, "Sec-WebSocket-Version must not be repeated.\n") }
        guard versions.first == version else {
            var response = HTTPResponse.text(426, "Only version 13 of the WebSocket protocol is supported.\n")
            response.headers.add("Sec-WebSocket-Version", version)
            return response
        }
        let keys = request.headers.values("Sec-WebSocket-Key")
        guard keys.count == 1, isKey(keys[0]) else {
            return .text(400, "Sec-WebSocket-Key must be 16 bytes in base64.\n")
        }
        return nil
    }

    /// 22 digits and their padding. What the last digit has beyond the 16 bytes may be anything, as in the example of RFC
    /// 6455 section 4.1 itself.
    private static func isKey(_ key: String) -> Bool {
        let digits = key.utf8.dropLast(2)
        return key.utf8.count == 24 && key.hasSuffix("==")
            && digits.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F: true
                default: false
                }
            }
    }
}

/// SHA-1 (FIPS 180-4), which the handshake uses as a checksum, not as protection.
enum SHA1 {
    static func digest(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var words = [UInt32](repeating: 0, count: 80)
        for block in stride(from: 0, to: padded.count, by: 64) {
            for index in 0..<16 {
                words[index] = (0..<4).reduce(0) { $0 << 8 | UInt32(padded[block + index * 4 + $1]) }
            }
            for index in 16..<80 {
                words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
            }
            var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
            for index in 0..<80 {
                let (mix, constant): (UInt32, UInt32) =
                    switch index / 20 {
                    case 0: (b & c | ~b & d, 0x5A82_7999)
                    case 1: (b ^ c ^ d, 0x6ED9_EBA1)
                    case 2: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotate(a, 5) &+ mix &+ e &+ constant &+ words[index]
                (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
            }
            hash[0] &+= a
            hash[1] &+= b
            hash[2] &+= c
            hash[3] &+= d
            hash[4] &+= e
        }
        return hash.flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
