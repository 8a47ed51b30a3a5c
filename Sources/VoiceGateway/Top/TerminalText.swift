/// Texts in the columns of a terminal.
package enum TerminalText {
    /// How many columns a text takes: wide characters two, combining ones none.
    package static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    private static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        // Emoji, and those that Unicode's East Asian Width calls wide or full.
        if first.properties.isEmojiPresentation { return 2 }
        switch first.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1B000...0x1B2FF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    /// The text in so many columns: cut with an ellipsis, or filled with spaces.
    ///
    /// - Parameter pads: whether a shorter text is filled.
    package static func fitted(
        _ text: String, to columns: Int, isToTheRight: Bool = false, pads: Bool = true
    ) -> String {
        let whole = width(text)
        if whole <= columns {
            guard pads else { return text }
            let spaces = String(repeating: " ", count: columns - whole)
            return isToTheRight ? spaces + text : text + spaces
        }
        guard columns > 0 else { return "" }
        var result = ""
        var used = 0
        for character in text {
            let next = width(character)
            if used + next > columns - 1 { break }
            result.append(character)
            used += next
        }
        return result + "…" + String(repeating: " ", count: pads ? columns - used - 1 : 0)
    }
}
