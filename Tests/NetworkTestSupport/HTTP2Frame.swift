/// HTTP/2 frames as bytes, right or wrong (RFC 9113 section 4, RFC 7541 section 6.2.2).
package enum HTTP2Frame {
    package enum Kind: UInt8, Sendable {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    package static let endStream: UInt8 = 0x1
    package static let ack: UInt8 = 0x1
    package static let endHeaders: UInt8 = 0x4

    package static func frame(_ kind: Kind, flags: UInt8 = 0, stream: Int = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), kind.rawValue, flags]
            + word(stream) + payload
    }

    package static func word(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    package static func settings(_ values: KeyValuePairs<UInt16, Int> = [:]) -> [UInt8] {
        frame(.settings, values.flatMap { [UInt8($0.key >> 8), UInt8($0.key & 255)] + word($0.value) })
    }

    package static let settingsAck = frame(.settings, flags: ack)

    /// Fields as literals that no table takes.
    package static func block(_ fields: KeyValuePairs<String, String>) -> [UInt8] {
        func text(_ text: String) -> [UInt8] {
            let letters = Array(text.utf8)
            guard letters.count >= 127 else { return [UInt8(letters.count)] + letters }
            var rest = letters.count - 127
            var length: [UInt8] = [127]
            while rest >= 128 {
                length.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            return length + [UInt8(rest)] + letters
        }
        return fields.flatMap { [0] + text($0.key) + text($0.value) }
    }

    package static func headers(_ stream: Int, _ fields: KeyValuePairs<String, String>, ends: Bool = false) -> [UInt8] {
        frame(.headers, flags: endHeaders | (ends ? endStream : 0), stream: stream, block(fields))
    }

    package static func data(_ stream: Int, _ bytes: [UInt8], ends: Bool = false) -> [UInt8] {
        frame(.data, flags: ends ? endStream : 0, stream: stream, bytes)
    }

    package static func reset(_ stream: Int, _ code: Int) -> [UInt8] {
        frame(.resetStream, stream: stream, word(code))
    }

    package static func goAway(last stream: Int, _ code: Int = 0) -> [UInt8] {
        frame(.goAway, word(stream) + word(code))
    }

    package static func windowUpdate(_ stream: Int, _ count: Int) -> [UInt8] {
        frame(.windowUpdate, stream: stream, word(count))
    }

    package static let ping = frame(.ping, [UInt8](repeating: 7, count: 8))

    /// A whole answer.
    package static func ok(_ stream: Int, _ body: String) -> [UInt8] {
        headers(stream, [":status": "200"]) + data(stream, Array(body.utf8), ends: true)
    }
}
