internal import COpenSSL

/// OpenSSL's error queue of the calling thread. `SSL_get_error` looks at it, so it is emptied before each call
/// into the library: a leftover of another association would otherwise be taken for an error of this one.
enum OpenSSLErrorQueue {
    /// Texts longer than this are cut; a deeper queue repeats itself.
    static let maximumTexts = 4

    static func clear() { ERR_clear_error() }

    /// Empties the queue into one line for the log, for example `tlsv1 alert unknown ca`.
    static func drain() -> String {
        var texts: [String] = []
        while true {
            let code = ERR_get_error()
            guard code != 0 else { break }
            guard texts.count < maximumTexts else { continue }
            // SAFETY: the library returns a static string or NULL.
            if let reason = unsafe copenssl_reason(code) {
                texts.append(unsafe String(cString: reason))
            } else {
                texts.append("error \(code)")
            }
        }
        return texts.isEmpty ? "no detail" : texts.joined(separator: "; ")
    }
}
