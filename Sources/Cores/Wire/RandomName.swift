/// Names that nobody else has.
package enum RandomName {
    /// `count` hexadecimal digits.
    package static func hexadecimal(_ count: Int, using random: inout some RandomNumberGenerator) -> String {
        var name = ""
        for _ in 0..<count { name += String(Int.random(in: 0..<16, using: &random), radix: 16) }
        return name
    }

    /// A random UUID (RFC 9562 section 5.4).
    package static func uuid(using random: inout some RandomNumberGenerator) -> String {
        let variant = ["8", "9", "a", "b"][Int.random(in: 0..<4, using: &random)]
        return hexadecimal(8, using: &random) + "-" + hexadecimal(4, using: &random) + "-4"
            + hexadecimal(3, using: &random) + "-" + variant + hexadecimal(3, using: &random) + "-"
            + hexadecimal(12, using: &random)
    }
}
