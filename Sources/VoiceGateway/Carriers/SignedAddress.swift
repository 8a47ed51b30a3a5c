internal import HTTP

/// The addresses over which a carrier may have made a signature.
enum SignedAddress {
    /// All ways to write an address of a WebSocket or of an HTTP server: with or without the port that is the scheme's anyway, with
    /// or without a slash at the end of the path, as `wss:` or `https:`; empty when it is none. None of them helps anybody who has
    /// not the carrier's token.
    static func spellings(of url: String) -> [String] {
        let parts = url.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return [] }
        let isSecure = parts[0] == "wss" || parts[0] == "https"
        let slash = parts[1].firstIndex(of: "/") ?? parts[1].endIndex
        let (authority, target) = (String(parts[1][..<slash]), parts[1][slash...])
        let port = isSecure ? ":443" : ":80"
        var authorities = [authority]
        if authority.hasSuffix(port) {
            authorities.append(String(authority.dropLast(port.count)))
        } else if !PublicAddress.hasPort(authority) {
            authorities.append(authority + port)
        }
        let path = target.prefix { $0 != "?" }
        let query = target.dropFirst(path.count)
        let other = path.hasSuffix("/") ? path.dropLast() : path + "/"
        return (isSecure ? ["wss://", "https://"] : ["ws://", "http://"]).flatMap { scheme in
            authorities.flatMap { authority in
                [path, other].map { scheme + authority + $0 + query }
            }
        }
    }
}
