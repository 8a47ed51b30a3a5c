/// The `fingerprint` attribute of RFC 8122.
extension CertificateFingerprint {
    /// The longest digest that is read, in bytes.
    private static let maximumDigestLength = 64

    /// Parses `sha-256 AB:CD:…`; nil for anything else.
    package init?(attribute text: some StringProtocol) { self.init(attribute: ArraySlice(text.utf8)) }

    init?(attribute value: ArraySlice<UInt8>) {
        var rest = value
        guard let algorithm = rest.popField(), let digits = rest.popField(), rest.popField() == nil,
            (digits.count + 1).isMultiple(of: 3), digits.count < 3 * Self.maximumDigestLength
        else { return nil }
        var digest: [UInt8] = []
        digest.reserveCapacity((digits.count + 1) / 3)
        for index in stride(from: digits.startIndex, to: digits.endIndex, by: 3) {
            guard let high = ArraySlice.hexadecimal(digits[index]), let low = ArraySlice.hexadecimal(digits[index + 1]),
                index + 2 == digits.endIndex || digits[index + 2] == UInt8(ascii: ":")
            else { return nil }
            digest.append(high << 4 | low)
        }
        self.init(algorithm: algorithm.text.lowercased(), digest: digest)
    }

    /// `sha-256 AB:CD:…`
    package var attributeText: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text = Array((algorithm + " ").utf8)
        text.reserveCapacity(text.count + 3 * digest.count)
        for (index, byte) in digest.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
