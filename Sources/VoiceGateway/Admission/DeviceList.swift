internal import Glibc
internal import Wire

/// The operator's list of devices: a text file with a JSON object a line. Empty lines and those that begin with `#` are
/// passed over; of two lines with one id the last counts.
package struct DeviceList: Hashable, Sendable {
    package private(set) var devices: [String: KnownDevice] = [:]

    package init() {}

    /// - Parameter mistakes: get a sentence about each line that cannot be used.
    package init(_ text: String, path: String, mistakes: inout [String]) {
        for (number, line) in TextFile.entries(in: text) {
            do throws(KnownDevice.Mistake) {
                let device = try KnownDevice(line: String(line))
                devices[device.id] = device
            } catch {
                mistakes.append("Line \(number) of \(path) is no device: \(error.reason).")
            }
        }
    }

    /// Reads a list; one that is not there yet is empty.
    package static func read(_ path: String, mistakes: inout [String]) -> DeviceList {
        do throws(FileError) {
            return DeviceList(try TextFile.read(path) ?? "", path: path, mistakes: &mistakes)
        } catch {
            mistakes.append("The list of devices \(path) cannot be read: \(error.reason).")
            return DeviceList()
        }
    }

    /// Adds a device, to the file first. A line is short, and goes to the system's memory.
    package mutating func add(_ device: KnownDevice, path: String) throws(FileError) {
        // SAFETY: the path is read during the call only.
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw unsafe FileError(reason: String(cString: strerror(errno))) }
        defer { close(file) }
        // An editor may have left the last line without its end.
        let line = Array("\n\(device.json.serialized())\n".utf8)
        // SAFETY: the count is that of the bytes.
        guard unsafe write(file, line, line.count) == line.count else {
            throw unsafe FileError(reason: String(cString: strerror(errno)))
        }
        devices[device.id] = device
    }
}
