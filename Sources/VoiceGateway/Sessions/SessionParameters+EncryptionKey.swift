internal import ClientProtocol
internal import HTTP
internal import Wire

extension SessionParameters {
    /// The header field that brings the key of a room that is encrypted end to end.
    static let encryptionKeyHeader = "X-Encryption-Key"

    /// Takes over the key that a request brings in its header: in a field of its own, or among the subprotocols.
    mutating func takeEncryptionKey(of request: HTTPRequest) throws(InvalidParameter) {
        guard let key = request.headers[Self.encryptionKeyHeader] ?? request.offeredSubprotocols.encryptionKey else {
            return
        }
        try apply(configuration: ["encryption_key": .string(key)])
    }
}
