internal import HTTP
internal import Wire

/// The id under which a request stands in logs, here and at whoever sent it.
enum RequestIdentifier {
    /// Longer ones are not taken over.
    static let maximumBytes = 128

    /// The caller's own id, if it is one that can stand in a header and a log; otherwise a new one.
    static func of(_ request: HTTPRequest, header: String, random: inout some RandomNumberGenerator) -> String {
        if let given = request.headers[header], isUsable(given) { return given }
        return RandomName.hexadecimal(32, using: &random)
    }

    private static func isUsable(_ text: String) -> Bool {
        (1...maximumBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-_.:/+=@".utf8.contains(byte)
                }
            }
    }
}
