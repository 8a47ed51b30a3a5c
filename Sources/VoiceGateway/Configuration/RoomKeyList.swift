package import LiveKitParticipant
internal import Wire

/// The operator's keys of rooms that are encrypted end to end: a text file with a JSON object a line. Empty lines and those that
/// begin with `#` are passed over.
///
/// The first line whose `room` fits counts, and all others with the same `room`: keys that are replaced stay known as long as
/// they are listed, and the last one is sent with.
package struct RoomKeyList: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        /// A name, or its beginning and `*`.
        let room: String
        let key: RoomKey

        func fits(_ name: String) -> Bool {
            room.hasSuffix("*") ? name.hasPrefix(room.dropLast()) : name == room
        }
    }

    private var entries: [Entry] = []

    package init() {}

    /// - Parameter mistakes: get a sentence about each line that cannot be used, without the key.
    package init(_ text: String, path: String, mistakes: inout [String]) {
        for (number, line) in TextFile.entries(in: text) {
            if let mistake = add(String(line)) { mistakes.append("Line \(number) of \(path) is no key: \(mistake).") }
        }
    }

    private mutating func add(_ line: String) -> String? {
        guard let json = try? JSONValue(parsing: Array(line.utf8)), let room = json["room"]?.string, !room.isEmpty,
            let text = json["key"]?.string
        else { return "it must be a JSON object with room and key" }
        guard let secret = EncryptionSecret(text) else { return "key must be \(EncryptionSecret.allowed)" }
        let index = json["index"] ?? 0
        guard let index = index.integer, (0...255).contains(index) else {
            return "index must be a number from 0 to 255"
        }
        entries.append(Entry(room: room, key: RoomKey(secret, index: UInt8(index))))
        return nil
    }

    /// Of a room, the one to send with last; empty for a room that has none.
    package subscript(_ room: String) -> [RoomKey] {
        guard let first = entries.first(where: { $0.fits(room) }) else { return [] }
        return entries.filter { $0.room == first.room }.map(\.key)
    }

    /// Reads a list, which has to be there.
    package static func read(_ path: String, mistakes: inout [String]) -> RoomKeyList {
        do throws(FileError) {
            if let text = try TextFile.read(path) { return RoomKeyList(text, path: path, mistakes: &mistakes) }
            mistakes.append("The list of keys \(path) is not there.")
        } catch {
            mistakes.append("The list of keys \(path) cannot be read: \(error.reason).")
        }
        return RoomKeyList()
    }
}
