/// Base64 as programs of all kinds write it, in pieces cut anywhere: either alphabet, with or without padding, with line breaks
/// and blanks anywhere, behind `data:…;base64,` (RFC 2397) or not. Bits that no byte needs are passed over (RFC 4648
/// section 3.5).
///
/// Each byte is looked at once, so a piece costs what its length is, however much has come before.
package struct Base64Decoder: Sendable {
    /// Bytes of a data URL's head (`data:audio/webm;codecs=opus;base64,`) that are looked at, at most.
    private static let maximumDataURLHead = 256
    /// Groups for which room is made at once: all of it may be in vain.
    private static let maximumGroups = 256
    private static let dataScheme = Array("data:".utf8)
    private static let base64Marker = Array(";base64,".utf8)

    /// What the text so far stands for.
    private var bytes: [UInt8] = []
    /// What was wrong first; nothing is decoded from then on.
    private var failure: Base64Error?
    /// The beginning of the text, while it may be a data URL; nil once that is known.
    private var head: [UInt8]? = []
    /// Symbols of a group that is not whole, and how many.
    private var group: UInt32 = 0
    private var held = 0
    private var pads = 0
    /// Bytes of text so far.
    private var offset = 0

    /// - Parameter size: of the text, where that is known.
    package init(expecting size: Int = 0) { bytes.reserveCapacity(size / 4 * 3 + 3) }

    /// Takes the next piece of the text.
    package mutating func append(_ piece: RawSpan) {
        guard failure == nil else { return }
        guard head != nil else { return decode(piece) }
        appendToHead(piece)
    }

    /// The bytes that the whole text stands for.
    package mutating func finish() throws(Base64Error) -> [UInt8] {
        if let rest = head { begin(rest, isWhole: true) }
        if let failure { throw failure }
        // Handed over, and not held twice while it changes.
        var bytes: [UInt8] = []
        swap(&bytes, &self.bytes)
        switch held {
        case 1: throw .incomplete(offset: offset)
        case 2: bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3:
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default: break
        }
        return bytes
    }

    // MARK: Data URLs

    private mutating func appendToHead(_ piece: RawSpan) {
        let room = Self.maximumDataURLHead - (head?.count ?? 0)
        let taken = min(room, piece.byteCount)
        head?.append(copying: piece.extracting(first: taken))
        guard let start = head else { return }
        begin(start, isWhole: false)
        if head == nil, failure == nil { decode(piece.extracting(droppingFirst: taken)) }
    }

    /// Looks whether the text is a data URL, if that can be known by now.
    private mutating func begin(_ start: [UInt8], isWhole: Bool) {
        let isURL = zip(start, Self.dataScheme).allSatisfy { $0 == $1 || $0 | 0x20 == $1 }
        var content = 0
        if isURL, start.count >= Self.dataScheme.count {
            if let comma = start.firstIndex(of: UInt8(ascii: ",")) {
                guard start[...comma].suffix(Self.base64Marker.count).elementsEqual(Self.base64Marker) else {
                    failure = .plainDataURL
                    return
                }
                content = comma + 1
            } else if isWhole || start.count >= Self.maximumDataURLHead {
                failure = .plainDataURL
                return
            } else {
                return
            }
        } else if isURL, !isWhole {
            return
        }
        head = nil
        offset = content
        decode(start.span.bytes.extracting(droppingFirst: content))
    }

    // MARK: Symbols

    private mutating func decode(_ piece: RawSpan) {
        var place = 0
        while place < piece.byteCount, failure == nil {
            // Groups at once, for as long as nothing but symbols comes.
            if held == 0, pads == 0, piece.byteCount - place >= 4 { place += decodeGroups(piece, from: place) }
            guard place < piece.byteCount else { break }
            take(piece[place], at: offset + place)
            place += 1
        }
        offset += place
    }

    /// Decodes whole groups up to the first that has anything else in it, and not too many.
    ///
    /// - Returns: how many bytes of text they are.
    private mutating func decodeGroups(_ piece: RawSpan, from start: Int) -> Int {
        let values = Self.values.span
        let groups = min((piece.byteCount - start) / 4, Self.maximumGroups)
        var place = start
        var written = bytes.count
        // Room first, then writing in place: appending is half of the time.
        bytes.append(contentsOf: repeatElement(0, count: 3 * groups))
        var target = bytes.mutableSpan
        for _ in 0..<groups {
            let first = values[Int(piece[place])]
            let second = values[Int(piece[place + 1])]
            let third = values[Int(piece[place + 2])]
            let fourth = values[Int(piece[place + 3])]
            guard first | second | third | fourth < 64 else { break }
            let group = UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
            target[written] = UInt8(truncatingIfNeeded: group >> 16)
            target[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
            target[written + 2] = UInt8(truncatingIfNeeded: group)
            written += 3
            place += 4
        }
        bytes.removeLast(bytes.count - written)
        return place - start
    }

    private mutating func take(_ symbol: UInt8, at offset: Int) {
        let value = Self.values[Int(symbol)]
        if value < 64, pads == 0 {
            group = group << 6 | UInt32(value)
            held += 1
            guard held == 4 else { return }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            bytes.append(UInt8(truncatingIfNeeded: group >> 8))
            bytes.append(UInt8(truncatingIfNeeded: group))
            group = 0
            held = 0
        } else if value == Self.paddingValue {
            pads += 1
            if held < 2 || held + pads > 4 { failure = .misplacedPadding(offset: offset) }
        } else if value != Self.blankValue {
            failure = .unexpectedByte(symbol, offset: offset)
        }
    }

    private static let blankValue: UInt8 = 0xFE
    private static let paddingValue: UInt8 = 0xFD

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, symbol) in Base64.symbols(last: "+/").enumerated() { values[Int(symbol)] = UInt8(value) }
        values[Int(UInt8(ascii: "-"))] = 62
        values[Int(UInt8(ascii: "_"))] = 63
        values[Int(UInt8(ascii: "="))] = paddingValue
        for blank in [0x20, 0x09, 0x0A, 0x0D] { values[blank] = blankValue }
        return values
    }()
}
