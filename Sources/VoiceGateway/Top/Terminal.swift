internal import Glibc

/// The terminal of standard output, commanded by ANSI escape sequences.
enum Terminal {
    static var isThere: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Columns and lines; nil when it says nothing.
    static var size: (columns: Int, lines: Int)? {
        // struct winsize: lines, columns, and their sizes in pixels.
        var size = [UInt16](repeating: 0, count: 4)
        // SAFETY: the kernel fills the four numbers during the call.
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size[0] > 0, size[1] > 0 else { return nil }
        return (Int(size[1]), Int(size[0]))
    }

    /// Another page, without a cursor.
    static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// Puts lines in place of what is shown, without a flicker.
    static func page(_ lines: [String]) -> String {
        "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
    }

    static func bold(_ text: String) -> String { "\u{1B}[1m\(text)\u{1B}[0m" }
}
