internal import Glibc

/// Whole files, read and written.
enum TextFile {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] {
        // SAFETY: the file is open until it is closed here, once, and the buffer has as many bytes as are read.
        guard let file = unsafe fopen(path, "r") else { throw Failure(description: "\(path) cannot be read") }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&piece, 1, piece.count, file)
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: piece[..<count])
        }
    }

    static func write(_ text: String, to path: String) throws(Failure) {
        // SAFETY: the file is open until it is closed here, once; the text is read during the call only.
        guard let file = unsafe fopen(path, "w") else { throw Failure(description: "\(path) cannot be written") }
        let status = unsafe fputs(text, file)
        guard unsafe fclose(file) == 0, status >= 0 else { throw Failure(description: "\(path) cannot be written") }
    }

    /// Writes a line to the error output.
    static func complain(_ text: String) {
        let line = Array((text + "\n").utf8)
        // SAFETY: the bytes are read during the call only.
        _ = unsafe Glibc.write(2, line, line.count)
    }

    /// The names of the files in a folder.
    static func list(_ folder: String) -> [String] {
        // SAFETY: the folder is open until it is closed here, once, and an entry is there until the next is read.
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
