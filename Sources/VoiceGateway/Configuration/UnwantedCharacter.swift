internal import Wire

/// A character of a setting's text that people do not see and do not mean: white space at an end, white space other than a
/// plain space, a control character, or a Unicode character without any width. A secret made with `echo` ends with a line feed, and a key that was copied from a
/// page may bring others.
struct UnwantedCharacter: Hashable, Sendable {
    /// As people call it.
    let name: String
    /// Counted in Unicode scalars from 1.
    let place: Int
    let count: Int

    /// The first one of a text; nil when there is none.
    ///
    /// - Parameter isList: white space is not unwanted.
    init?(in text: String, isList: Bool) {
        let scalars = text.unicodeScalars
        let inside = text.trimmed(.whiteSpace).unicodeScalars
        let found = scalars.indices.first { index in
            guard scalars[index].properties.isWhitespace else { return Self.isInvisible(scalars[index]) }
            let isAtEnd = index < inside.startIndex || index >= inside.endIndex
            return !isList && (isAtEnd || scalars[index] != " ")
        }
        guard let found else { return nil }
        name = Self.name(scalars[found])
        place = scalars.distance(from: scalars.startIndex, to: found) + 1
        count = scalars.count
    }

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format: true
        default: false
        }
    }

    private static func name(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x09: return "a tab"
        case 0x0A: return "a line feed"
        case 0x0D: return "a carriage return"
        case 0x20: return "a space"
        default:
            let digits = String(scalar.value, radix: 16, uppercase: true)
            return "the invisible character U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }
}

extension UnwantedCharacter: CustomStringConvertible {
    /// Continues "NAME is …, but".
    var description: String {
        "character \(place) of \(count) is \(name)"
            + (place == count && name == "a line feed"
                ? "; write the value without (echo -n)" : "; write the value without")
    }
}
