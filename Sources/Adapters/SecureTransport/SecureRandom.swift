internal import COpenSSL

/// Random numbers from OpenSSL's seeded generator, fit for keys, credentials and identifiers.
package struct SecureRandom: RandomNumberGenerator, Sendable {
    package init() {}

    package mutating func next() -> UInt64 {
        var value: UInt64 = 0
        // SAFETY: OpenSSL fills as many bytes as the value has.
        let filled = unsafe withUnsafeMutableBytes(of: &value) { buffer -> Bool in
            // SAFETY: RAND_bytes writes exactly the bytes of the buffer.
            unsafe RAND_bytes(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(buffer.count)) == 1
        }
        if filled { return value }
        // The library could not seed itself; the kernel's generator is as good and never refuses.
        var system = SystemRandomNumberGenerator()
        return system.next()
    }

    /// `count` random bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        var generator = SecureRandom()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            // SAFETY: OpenSSL fills as many bytes as the value has.
            unsafe withUnsafeBytes(of: generator.next()) { word in
                // SAFETY: the word is only read during the call.
                unsafe bytes.append(contentsOf: word)
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
