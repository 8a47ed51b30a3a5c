internal import Glibc

/// A file cannot be read.
package struct FileError: Error, Hashable, Sendable {
    /// The system's words.
    package let reason: String
    /// The file can be read, but its content is not what settings have.
    package let isAboutContent: Bool

    package init(reason: String, isAboutContent: Bool = false) {
        self.reason = reason
        self.isAboutContent = isAboutContent
    }
}

/// Reads small text files.
package enum TextFile {
    /// Larger files are no settings.
    package static let maximumBytes = 1 << 20

    /// The content of a file; nil when there is none at that path.
    package static func read(_ path: String) throws(FileError) -> String? {
        // SAFETY: the path and the buffer are used during the calls only.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            throw unsafe FileError(reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the count is that of the buffer.
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw unsafe FileError(reason: String(cString: strerror(errno)))
            }
            content += buffer[..<count]
            guard content.count <= maximumBytes else {
                throw FileError(reason: "it is larger than 1 MiB", isAboutContent: true)
            }
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            let isUTF16 = content.starts(with: [0xFF, 0xFE]) || content.starts(with: [0xFE, 0xFF])
            throw FileError(
                reason: isUTF16 ? "it is UTF-16, save it as UTF-8" : "it is not UTF-8 text", isAboutContent: true)
        }
        return text
    }

    /// The lines of a list that say something, with their numbers from 1: empty ones and those that begin with `#` are passed over.
    static func entries(in text: String) -> [(number: Int, line: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            line.contains { !$0.isWhitespace } && !line.hasPrefix("#") ? (index + 1, line) : nil
        }
    }
}
