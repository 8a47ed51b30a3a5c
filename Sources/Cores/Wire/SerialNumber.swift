/// Serial number arithmetic (RFC 1982): numbers that wrap around, ordered by the shorter way round the circle.
extension FixedWidthInteger where Self: UnsignedInteger {
    /// Whether `self` comes after `other` on the circle. The exact opposite point counts as not after.
    @inlinable
    package func isAfter(_ other: Self) -> Bool {
        let ahead = self &- other
        return ahead != 0 && ahead < (1 << (Self.bitWidth - 1))
    }

    /// Steps from `other` forward to `self`; negative when `self` lies behind it.
    @inlinable
    package func serialDistance(from other: Self) -> Int {
        let ahead = self &- other
        return ahead < (1 << (Self.bitWidth - 1)) ? Int(ahead) : -Int(other &- self)
    }
}
