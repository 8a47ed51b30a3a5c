internal import Glibc

/// Writes a line to standard output at once. Not `print` and `fflush(nil)`: that would wait for the thread that
/// reads standard input.
func writeLine(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    var done = 0
    while done < bytes.count {
        // SAFETY: the pointer is used only during the call.
        let written = unsafe bytes.withUnsafeBytes {
            unsafe write(1, $0.baseAddress?.advanced(by: done), $0.count - done)
        }
        guard written > 0 else { return }
        done += written
    }
}
