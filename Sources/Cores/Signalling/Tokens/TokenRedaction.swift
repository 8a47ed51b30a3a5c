/// Takes access tokens out of texts that people may read: LiveKit's servers repeat a refused token in their answer.
package enum TokenRedaction {
    /// How every JSON Web Token begins: `{"` in base64.
    private static let start = Array("eyJ".utf8)

    /// The text with `(token)` in the place of each JSON Web Token.
    package static func withoutTokens(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let isWordStart = index == 0 || !isTokenByte(bytes[index - 1])
            guard isWordStart, bytes[index...].starts(with: start) else {
                result.append(bytes[index])
                index += 1
                continue
            }
            result += "(token)".utf8
            while index < bytes.count, isTokenByte(bytes[index]) { index += 1 }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "="):
            true
        default: false
        }
    }
}
