internal import Wire

/// The API keys that an operator accepts.
package struct APIKeys: Hashable, Sendable {
    /// What came of a check.
    package enum Verdict: Hashable, Sendable {
        /// - Parameter number: of the key.
        case accepted(number: Int)
        case missing
        case wrong
    }

    /// Bytes of a key. All are compared over this length.
    package static let maximumSize = 256

    /// Each key filled up to one byte more than the maximum, whose last says how long it is.
    private let padded: [[UInt8]]
    /// By which each key is known without being shown: its place in the list, unless the list follows another one.
    private var numbers: [Int]
    private var nextNumber: Int

    /// Keys that are empty or too long are left out; `isValid` tells which.
    package init(_ keys: [String]) {
        padded = keys.compactMap { Self.padded(Array($0.utf8)) }
        numbers = Array(padded.indices)
        nextNumber = padded.count
    }

    /// The same keys in place of an earlier list: those that were in it keep their numbers, and no number is used for
    /// another key.
    package func following(_ earlier: APIKeys) -> APIKeys {
        var keys = self
        keys.nextNumber = earlier.nextNumber
        keys.numbers = padded.map { key in
            if let place = earlier.padded.firstIndex(of: key) { return earlier.numbers[place] }
            defer { keys.nextNumber += 1 }
            return keys.nextNumber
        }
        return keys
    }

    /// The keys of a setting: separated by commas, without the spaces around them.
    package init(setting: String) {
        self.init(
            setting.split(separator: ",").map { part in
                var part = part
                while part.first?.isWhitespace == true { part.removeFirst() }
                while part.last?.isWhitespace == true { part.removeLast() }
                return String(part)
            })
    }

    package var count: Int { padded.count }
    package var isEmpty: Bool { padded.isEmpty }

    /// Whether a key can be used as one.
    package static func isValid(_ key: String) -> Bool { padded(Array(key.utf8)) != nil }

    /// Checks the key that a client presented. How long it takes depends on nothing but the number of keys: each is
    /// compared to its end, whether it is the right one or not.
    package func check(_ presented: String?) -> Verdict {
        guard let presented, !presented.isEmpty else { return .missing }
        let bytes = Array(presented.utf8.prefix(Self.maximumSize + 1))
        // One that is too long is compared all the same, as a key that nobody has.
        let candidate = Self.padded(bytes) ?? [UInt8](repeating: 0, count: Self.maximumSize + 2)
        var found = -1
        for (index, key) in padded.enumerated() where MessageAuthentication.isEqual(key, candidate) { found = index }
        return found >= 0 ? .accepted(number: numbers[found]) : .wrong
    }

    /// Bytes by which programs that have the same keys tell one from others, whatever its number is; nil when there is none of
    /// that number. As secret as the key.
    package func fingerprint(of number: Int) -> [UInt8]? { numbers.firstIndex(of: number).map { padded[$0] } }

    /// The number of the first key whose fingerprint is so.
    package func number(where isMeant: ([UInt8]) -> Bool) -> Int? {
        padded.firstIndex(where: isMeant).map { numbers[$0] }
    }

    /// The key that a client presents before its first message: the header counts before the query.
    package static func presented(header: String?, query: [(name: String, value: String)]) -> String? {
        if let header, !header.isEmpty { return header }
        return query.last { $0.name == "api_key" && !$0.value.isEmpty }?.value
    }

    private static func padded(_ key: [UInt8]) -> [UInt8]? {
        guard (1...maximumSize).contains(key.count) else { return nil }
        var result = key + [UInt8](repeating: 0, count: maximumSize - key.count)
        result.append(UInt8(truncatingIfNeeded: key.count >> 8))
        result.append(UInt8(truncatingIfNeeded: key.count))
        return result
    }
}
