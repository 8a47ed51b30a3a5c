internal import CNGHTTP2
package import HTTP
internal import Wire

/// The client's side of one HTTP/2 connection (RFC 9113) as a sans-I/O object over nghttp2: bytes in, bytes and events
/// out. After every call drain `poll()` and send what `takeBytes` gives.
///
/// It owns the library's session: nobody else holds the pointer, and it is freed once, here.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class HTTP2Session {
    /// What the server may send of one response before it hears from us.
    static let streamWindow: Int32 = 1 << 18
    /// The same for all responses together.
    static let connectionWindow: Int32 = 1 << 20
    /// Bodies that are held at a time count together no more than so many of the largest allowed.
    static let maximumBodiesHeld = 4
    /// Streams until the server has said how many it allows (RFC 9113 section 6.5.2 recommends no less).
    static let initialStreams: UInt32 = 100
    /// Frames that come without any response making progress: PING, SETTINGS, empty DATA and what else costs nothing to
    /// send.
    package static let maximumIdleFrames = 1_000
    /// The same in bytes, for frames of kinds that nobody knows.
    package static let maximumIdleBytes = 1 << 20

    package enum Event: Sendable {
        /// A response is complete.
        case answered(stream: Int32, HTTPResponse)
        /// A stream has ended without a response.
        case failed(stream: Int32, StreamFailure)
        /// The server takes no more calls on this connection; those it has not looked at fail as `refused`.
        case goingAway
    }

    package enum StreamFailure: Error, Hashable, Sendable {
        /// The server has surely not looked at the request (REFUSED_STREAM, or beyond what GOAWAY counts).
        case refused
        /// The server wants HTTP/1.1 for it.
        case needsHTTP1
        /// The server ended the stream, with this error code.
        case reset(UInt32)
        case malformed(String)
        case tooLarge(maximumBytes: Int)
    }

    /// A request and what has come back.
    final class Exchange {
        let body: [UInt8]
        var sentBytes = 0
        var response: HTTP2Response
        /// The library has given the request's head away to be sent.
        var isSent = false
        var wasResetByServer = false

        init(body: [UInt8], maximumBodyBytes: Int) {
            self.body = body
            response = HTTP2Response(maximumBodyBytes: maximumBodyBytes)
        }
    }

    private let maximumBodyBytes: Int
    private var session: OpaquePointer?
    /// What the server has done that ends the connection.
    package private(set) var violation: String?
    private var isClosing = false
    var exchanges: [Int32: Exchange] = [:]
    var hasSettings = false
    var idleFrames = 0
    private var idleBytes = 0
    var heldBytes = 0
    /// What the library had to say about what came.
    var complaint: String?
    private var events: [Event] = []
    private var firstEvent = 0

    /// Nil when there is no memory.
    package init?(maximumBodyBytes: Int) {
        self.maximumBodyBytes = maximumBodyBytes
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        guard let session = unsafe Self.makeSession(for: self) else { return nil }
        unsafe self.session = session
        let settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(Self.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(HTTP2Response.maximumHeaderListBytes)),
        ]
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        // SAFETY: the library copies the settings.
        guard unsafe nghttp2_submit_settings(session, none, settings, settings.count) == 0,
            unsafe nghttp2_session_set_local_window_size(session, none, 0, Self.connectionWindow) == 0
        else { return nil }
    }

    // SAFETY: the session is freed once, by its only owner.
    deinit { unsafe nghttp2_session_del(session) }

    // MARK: Calls

    /// How many more requests the server takes now.
    package func room(limit: Int) -> Int {
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        guard violation == nil, let session = unsafe session, unsafe nghttp2_session_check_request_allowed(session) != 0
        else { return 0 }
        let allowed =
            unsafe hasSettings
            ? nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
            : Self.initialStreams
        return max(0, min(limit, Int(allowed)) - exchanges.count)
    }

    /// Sends a request on a stream of its own; nil when the connection takes none.
    package func submit(_ request: HTTPClientRequest) -> Int32? {
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        guard violation == nil, let session = unsafe session else { return nil }
        var list = HeaderList(request.headerList)
        var provider = unsafe nghttp2_data_provider()
        // Without a callback the library ends the stream with the head.
        if !request.body.isEmpty { unsafe provider.read_callback = Self.readBody }
        let stream = unsafe list.withFields { fields, count in
            // SAFETY: the library copies the fields and the provider.
            unsafe nghttp2_submit_request(session, nil, fields, count, &provider, nil)
        }
        guard stream > 0 else { return nil }
        exchanges[stream] = Exchange(body: request.body, maximumBodyBytes: maximumBodyBytes)
        noteProgress()
        return stream
    }

    /// Nobody waits for the stream any more; the connection and all others go on.
    package func cancel(_ stream: Int32) {
        guard forget(stream) != nil else { return }
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, UInt32(NGHTTP2_CANCEL.rawValue))
    }

    /// Whether the server can have seen the stream's request.
    package func isSent(_ stream: Int32) -> Bool { exchanges[stream]?.isSent ?? false }

    /// Whether anything of the stream's answer has come.
    package func hasAnswerBegun(_ stream: Int32) -> Bool { exchanges[stream]?.response.hasStarted ?? false }

    /// Asks the server whether it is there; whatever comes next says so.
    package func ping() {
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    /// Sends GOAWAY; what `takeBytes` gives then is the last.
    package func close() {
        isClosing = true
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_NO_ERROR.rawValue))
    }

    // MARK: Bytes and events

    /// Takes in bytes from the server.
    package func receive(_ bytes: RawSpan) {
        // SAFETY: the session lives as long as this object; what is passed to it is used during the call only.
        guard violation == nil, let session = unsafe session else { return }
        complaint = nil
        let taken = unsafe bytes.withUnsafeBytes { buffer in
            // SAFETY: the library reads the bytes during the call.
            unsafe nghttp2_session_mem_recv(
                session, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count)
        }
        if taken < 0 { violation = complaint ?? Self.describe(Int32(clamping: taken)) }
        idleBytes += bytes.byteCount
        guard idleFrames > Self.maximumIdleFrames || idleBytes > Self.maximumIdleBytes else { return }
        violation = "more than \(Self.maximumIdleFrames) frames or \(Self.maximumIdleBytes) bytes that answer nothing"
        unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
    }

    /// Bytes for the server, as many as are ready, in pieces of about `count`; empty when there are no more. When there is
    /// a violation after that, the server has been told, and the connection is of no more use.
    package func takeBytes(atMost count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var start: UnsafePointer<UInt8>?
            // SAFETY: the bytes are valid until the next call on the session, and are copied at once.
            let length = unsafe nghttp2_session_mem_send(session, &start)
            guard length > 0, let start = unsafe start else { break }
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: length))
        }
        // After what breaks the protocol the library wants nothing more to read, once its GOAWAY is on its way; after the
        // server's GOAWAY only when the last stream has ended.
        let isOver = unsafe bytes.isEmpty && nghttp2_session_want_read(session) == 0
        if isOver, !isClosing, violation == nil, !(isGoingAway && exchanges.isEmpty) {
            violation = complaint ?? "a violation of HTTP/2"
        }
        return bytes
    }

    /// The next event, nil when drained.
    package func poll() -> Event? {
        guard firstEvent < events.count else {
            events.removeAll(keepingCapacity: true)
            firstEvent = 0
            return nil
        }
        defer { firstEvent += 1 }
        return events[firstEvent]
    }

    // MARK: For the callbacks

    var isGoingAway = false

    /// A request or a response is a little further.
    func noteProgress() { (idleFrames, idleBytes) = (0, 0) }

    func report(_ event: Event) { events.append(event) }

    func forget(_ stream: Int32) -> Exchange? {
        guard let exchange = exchanges.removeValue(forKey: stream) else { return nil }
        heldBytes -= exchange.response.bodyBytes
        return exchange
    }

    /// The stream is over as far as we are concerned; the server is told to stop when it has not ended it itself.
    func fail(_ stream: Int32, _ failure: StreamFailure) {
        guard exchanges[stream] != nil else { return }
        cancel(stream)
        report(.failed(stream: stream, failure))
    }

    var maximumHeldBytes: Int { maximumBodyBytes * Self.maximumBodiesHeld }

    /// What the library has just complained of, which is no other frame's affair.
    func takeComplaint() -> String? {
        defer { complaint = nil }
        return complaint
    }

    static func describe(_ code: Int32) -> String {
        // SAFETY: the library returns a static string.
        unsafe String(cString: nghttp2_strerror(code))
    }
}
