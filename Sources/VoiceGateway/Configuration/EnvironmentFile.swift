internal import Wire

/// The settings of a `.env` file: lines of `NAME=value`, with `#` comments, an optional `export`, and single or double
/// quotes around values. In double quotes `\n`, `\"`, `\\` and `\$` are understood. Nothing is expanded.
package struct EnvironmentFile: Hashable, Sendable {
    package private(set) var values: [String: String] = [:]

    /// - Parameter mistakes: one sentence for each line that cannot be read; the others count.
    package init(_ text: String, path: String, mistakes: inout [String]) {
        // Editors of Windows put a byte order mark in front.
        let content = text.unicodeScalars.first == "\u{FEFF}" ? Substring(text.unicodeScalars.dropFirst()) : text[...]
        // Windows ends lines with a carriage return too; Swift makes one Character of the pair.
        for (number, line) in content.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
        {
            var line = line.trimmed(.spacesAndTabs)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("export ") { line = line.dropFirst(7).trimmed(.spacesAndTabs) }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].trimmed(.spacesAndTabs)
            guard parts.count == 2, Self.isName(name) else {
                mistakes.append("\(path) line \(number + 1) is not NAME=value.")
                continue
            }
            guard let value = Self.value(parts[1].trimmed(.spacesAndTabs)) else {
                mistakes.append("\(path) line \(number + 1) has a quote that does not end.")
                continue
            }
            values[String(name)] = value
        }
    }

    private static func value(_ text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // A comment begins with a space and a hash.
            if let hash = text.firstRange(of: " #") { return String(text[..<hash.lowerBound].trimmed(.spacesAndTabs)) }
            return String(text)
        }
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote { return value }
            if character == "\\", quote == "\"", let next = rest.first, "n\"\\$".contains(next) {
                value.append(next == "n" ? "\n" : next)
                rest = rest.dropFirst()
            } else {
                value.append(character)
            }
        }
        return nil
    }

    private static func isName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
    }
}
