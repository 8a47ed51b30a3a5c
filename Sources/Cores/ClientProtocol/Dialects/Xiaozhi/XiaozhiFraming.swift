/// How the binary messages of a xiaozhi device are framed, in both directions. Numbers are in network order.
///
/// | version | in front of the Opus packet |
/// | --- | --- |
/// | 1 | nothing |
/// | 2 | 16 bytes: version, kind (0 Opus, 1 JSON), 4 bytes of nothing, ms of the clock of what is played, length |
/// | 3 | 4 bytes: kind, a byte of nothing, length |
///
/// The device copies as many bytes as the length says without looking how many there are, so lengths are exact here, and
/// what is not exact from there is no sound.
struct XiaozhiFraming: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// Where the packet lies in the message.
        case sound(Range<Int>)
        /// Where JSON lies.
        case text(Range<Int>)
        /// A kind that is not known.
        case passedOver
        case malformed(String)
    }

    let version: Int
    /// Of the next message, in ms; devices with echo cancellation at the server send it back.
    private var timestamp: UInt32 = 0

    /// - Parameter version: others than 1 to 3 are 1, as the firmware has it.
    init(version: Int) { self.version = (1...3).contains(version) ? version : 1 }

    func read(_ message: Span<UInt8>) -> Content {
        guard version > 1 else { return .sound(0..<message.count) }
        let head = version == 2 ? 16 : 4
        guard message.count >= head else {
            return .malformed("a binary message of \(message.count) bytes; version \(version) begins with \(head)")
        }
        let kind: Int
        let length: Int
        if version == 2 {
            let number = Self.number(message, 0, 2)
            guard number == 2 else {
                return .malformed("a binary message of version \(number) from a device of version 2")
            }
            kind = Self.number(message, 2, 2)
            length = Self.number(message, 12, 4)
        } else {
            kind = Self.number(message, 0, 1)
            length = Self.number(message, 2, 2)
        }
        guard length == message.count - head else {
            return .malformed(
                "a binary message says that \(length) bytes follow, but there are \(message.count - head)")
        }
        switch kind {
        case 0: return .sound(head..<message.count)
        case 1 where version == 2: return .text(head..<message.count)
        default: return .passedOver
        }
    }

    /// Writes a message around a packet. One that is too long for its length to be said is left out.
    mutating func append(_ packet: Span<UInt8>, milliseconds: Int, to message: inout [UInt8]) {
        switch version {
        case 2:
            message.append(contentsOf: [0, 2, 0, 0, 0, 0, 0, 0])
            Self.append(timestamp, to: &message)
            Self.append(UInt32(clamping: packet.count), to: &message)
            timestamp &+= UInt32(clamping: milliseconds)
        case 3:
            guard let length = UInt16(exactly: packet.count) else { return }
            message.append(contentsOf: [0, 0, UInt8(length >> 8), UInt8(truncatingIfNeeded: length)])
        default: break
        }
        for index in packet.indices { message.append(packet[index]) }
    }

    private static func append(_ number: UInt32, to message: inout [UInt8]) {
        for shift in [24, 16, 8, 0] as [UInt32] { message.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func number(_ message: Span<UInt8>, _ start: Int, _ count: Int) -> Int {
        (start..<start + count).reduce(0) { $0 << 8 | Int(message[$1]) }
    }
}
