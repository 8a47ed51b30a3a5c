extension JSONValue {
    /// The value as compact JSON text: no white space, members in their order. Characters outside ASCII stand as
    /// they are; numbers that JSON cannot write (infinities, NaN) become null.
    package func serialized() -> String { String(decoding: serializedBytes(), as: UTF8.self) }

    /// As `serialized()`, as UTF-8 bytes.
    package func serializedBytes() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.text
    }
}

/// Appends JSON to UTF-8 bytes.
private struct JSONWriter {
    var text: [UInt8] = []

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let flag): text.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let number): text.append(contentsOf: String(number).utf8)
        case .double(let number): text.append(contentsOf: (number.isFinite ? "\(number)" : "null").utf8)
        case .string(let string): write(string)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                write(element)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let object):
            text.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                write(member.key)
                text.append(UInt8(ascii: ":"))
                write(member.value)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    mutating func write(_ string: String) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): text.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): text.append(contentsOf: "\\\\".utf8)
            case 0x08: text.append(contentsOf: "\\b".utf8)
            case 0x09: text.append(contentsOf: "\\t".utf8)
            case 0x0A: text.append(contentsOf: "\\n".utf8)
            case 0x0C: text.append(contentsOf: "\\f".utf8)
            case 0x0D: text.append(contentsOf: "\\r".utf8)
            case 0..<0x20:
                text.append(contentsOf: "\\u00".utf8)
                for digit in [byte >> 4, byte & 0xF] {
                    text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
                }
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
