/// Both directions of one SRTP/SRTCP context (RFC 3711), working in place and without allocation.
package protocol SRTPTransform: AnyObject {
    /// Encrypts the RTP packet in the first `length` bytes; the buffer needs `srtpOverhead` spare bytes behind it.
    /// Returns the new length, nil if the packet cannot be protected.
    func protectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int?
    /// Decrypts in place; nil for a forgery, a replay or a malformed packet.
    func unprotectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int?
    /// As `protectRTP`, for a compound RTCP packet.
    func protectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int?
    /// As `unprotectRTP`, for a compound RTCP packet.
    func unprotectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int?
}

/// Bytes that SRTP or SRTCP adds behind a packet at most: a GCM tag (16), the SRTCP index (4) and slack.
package let srtpOverhead = 32

/// Makes the secured parts of a peer connection; the adapter that owns the crypto libraries provides one.
package protocol SecureTransportFactory: AnyObject {
    /// A fresh DTLS association. All associations of one factory share one certificate.
    func makeDTLS() -> any DTLSTransport
    /// The SRTP context for exported keys; nil if the library refuses them.
    func makeSRTP(_ keys: SRTPKeys) -> (any SRTPTransform)?
}
