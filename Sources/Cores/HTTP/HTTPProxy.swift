internal import Wire

/// A proxy that leads connections on to other hosts (RFC 9110 section 9.3.6, CONNECT).
package struct HTTPProxy: Hashable, Sendable {
    /// A name or an address; IPv6 without brackets.
    package let host: String
    package let port: UInt16
    /// The value of `Proxy-Authorization`; nil for none. Never shown.
    package let authorization: String?

    package init(host: String, port: UInt16, authorization: String? = nil) {
        self.host = host
        self.port = port
        self.authorization = authorization
    }

    /// For people.
    package var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The request for a way to an origin.
    package func request(for origin: HTTPOrigin) -> [UInt8] {
        let host = origin.host.contains(":") ? "[\(origin.host)]" : origin.host
        var text = "CONNECT \(host):\(origin.port) HTTP/1.1\r\nHost: \(host):\(origin.port)\r\n"
        if let authorization { text += "Proxy-Authorization: \(authorization)\r\n" }
        return Array((text + "User-Agent: \(Product.userAgent)\r\n\r\n").utf8)
    }

    /// Reads the beginning of the proxy's answer.
    ///
    /// - Returns: the status; nil until the head is whole.
    package static func status(of answer: [UInt8]) throws(Failure) -> Int? {
        let line = answer.prefix { $0 != 0x0A }
        let start = Array("HTTP/1.".utf8)
        guard line.prefix(start.count).elementsEqual(start.prefix(line.count)) else { throw .notHTTP }
        guard let end = answer.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else {
            if answer.count > maximumHeadBytes { throw .tooLong }
            return nil
        }
        let words = line.split(separator: 0x20)
        guard words.count >= 2, words[1].count == 3 || words[1].count == 4,
            let status = Int(String(decoding: words[1].prefix(3), as: UTF8.self)), (100...599).contains(status)
        else { throw .notHTTP }
        guard status / 100 == 2 else { return status }
        // Behind the proxy nobody speaks before us.
        guard end.upperBound == answer.count else { throw .excess }
        return status
    }

    static let maximumHeadBytes = 16_384

    /// Why there is no way through a proxy.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case refused(status: Int)
        case notHTTP
        case tooLong
        /// Bytes that nobody has asked for.
        case excess
        case ended
        case timedOut

        package var description: String {
            switch self {
            case .refused(407): "it wants a user and a password (HTTP status 407): write them into HTTPS_PROXY"
            case .refused(let status): "it answers with HTTP status \(status)"
            case .notHTTP: "its answer is not HTTP"
            case .tooLong: "its answer is longer than \(HTTPProxy.maximumHeadBytes) bytes"
            case .excess: "it sends something before it is asked"
            case .ended: "it ends the connection"
            case .timedOut: "it does not answer in time"
            }
        }
    }
}
