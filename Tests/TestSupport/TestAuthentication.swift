package import Wire

/// HMACs in plain Swift, so that the tests of the cores need no crypto library. Slow and not constant-time: for
/// tests only, where it is checked against RFC 2202 and RFC 4231.
package enum TestAuthentication {
    /// For everything that asks for a `MessageAuthentication`.
    package static let plain = MessageAuthentication(
        hmacSHA1: { hmac(key: $0, message: $1, hash: sha1) }, hmacSHA256: { hmac(key: $0, message: $1, hash: sha256) })

    /// RFC 2104, for hashes with 64-byte blocks.
    private static func hmac(key: [UInt8], message: [UInt8], hash: ([UInt8]) -> [UInt8]) -> [UInt8] {
        var block = key.count > 64 ? hash(key) : key
        block += [UInt8](repeating: 0, count: 64 - block.count)
        return hash(block.map { $0 ^ 0x5C } + hash(block.map { $0 ^ 0x36 } + message))
    }

    /// FIPS 180-4.
    package static func sha1(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        for block in blocks(of: message) {
            var words = block
            for index in 16..<80 {
                words.append(
                    rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], left: 1))
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for index in 0..<80 {
                let (mixed, constant): (UInt32, UInt32) =
                    switch index {
                    case ..<20: (b & c | ~b & d, 0x5A82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                    case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotated(a, left: 5) &+ mixed &+ e &+ constant &+ words[index]
                (a, b, c, d, e) = (next, a, rotated(b, left: 30), c, d)
            }
            for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
        }
        return bytes(of: state)
    }

    /// FIPS 180-4.
    package static func sha256(_ message: [UInt8]) -> [UInt8] {
        var state = fractions(of: 8, root: { $0.squareRoot() })
        for block in blocks(of: message) {
            var words = block
            for index in 16..<64 {
                let early = words[index - 15]
                let late = words[index - 2]
                let first = rotated(early, left: 25) ^ rotated(early, left: 14) ^ early >> 3
                let second = rotated(late, left: 15) ^ rotated(late, left: 13) ^ late >> 10
                words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
            }
            var v = state
            for index in 0..<64 {
                let sumE = rotated(v[4], left: 26) ^ rotated(v[4], left: 21) ^ rotated(v[4], left: 7)
                let choice = v[4] & v[5] ^ ~v[4] & v[6]
                let first = v[7] &+ sumE &+ choice &+ sha256Constants[index] &+ words[index]
                let sumA = rotated(v[0], left: 30) ^ rotated(v[0], left: 19) ^ rotated(v[0], left: 10)
                let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]
                v = [first &+ sumA &+ majority, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
            }
            for index in 0..<8 { state[index] &+= v[index] }
        }
        return bytes(of: state)
    }

    private static let sha256Constants = fractions(of: 64, root: cubeRoot)

    /// The first 32 bits of the fractional parts of the roots of the first primes, which is how the standard
    /// defines its constants.
    private static func fractions(of count: Int, root: (Double) -> Double) -> [UInt32] {
        var primes: [Int] = []
        var candidate = 2
        while primes.count < count {
            if primes.allSatisfy({ !candidate.isMultiple(of: $0) }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { prime in
            let value = root(Double(prime))
            return UInt32((value - value.rounded(.down)) * 0x1p32)
        }
    }

    /// Newton's method; exact enough for the 32 bits that are wanted of numbers below 7.
    private static func cubeRoot(_ value: Double) -> Double {
        var root = value
        for _ in 0..<100 { root -= (root * root * root - value) / (3 * root * root) }
        return root
    }

    private static func rotated(_ value: UInt32, left count: UInt32) -> UInt32 {
        value << count | value >> (32 - count)
    }

    /// The padded message as blocks of 16 big-endian words.
    private static func blocks(of message: [UInt8]) -> [[UInt32]] {
        var writer = ByteWriter(capacity: message.count + 72)
        writer.write(message)
        writer.write(UInt8(0x80))
        while writer.count % 64 != 56 { writer.write(UInt8(0)) }
        writer.write(UInt64(message.count) * 8)
        let padded = writer.bytes
        return stride(from: 0, to: padded.count, by: 64).map { start in
            stride(from: start, to: start + 64, by: 4).map { at in
                padded[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) }
            }
        }
    }

    private static func bytes(of words: [UInt32]) -> [UInt8] {
        words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) } }
    }
}
