/// What may stand around a text without belonging to it.
package enum Surrounding: Hashable, Sendable {
    /// Spaces and tabs: RFC 9110's "optional white space".
    case spacesAndTabs
    /// ASCII's white space, line breaks included.
    case asciiWhiteSpace
    /// Everything that Unicode calls white space.
    case whiteSpace

    fileprivate func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .spacesAndTabs: scalar.value == 0x20 || scalar.value == 0x09
        case .asciiWhiteSpace: scalar.value == 0x20 || (0x09...0x0D).contains(scalar.value)
        case .whiteSpace: scalar.properties.isWhitespace
        }
    }
}

extension StringProtocol where SubSequence == Substring {
    /// The text without what stands around it, at both ends.
    package func trimmed(_ surrounding: Surrounding) -> Substring {
        var scalars = self[...].unicodeScalars
        while let first = scalars.first, surrounding.contains(first) { scalars.removeFirst() }
        while let last = scalars.last, surrounding.contains(last) { scalars.removeLast() }
        return Substring(scalars)
    }
}
