internal import CNGHTTP2

/// What nghttp2 calls back. All of it happens inside `receive` and `takeBytes`, on their thread; nothing here calls into
/// the library's input or output again.
extension HTTP2Session {
    /// A session of the library whose callbacks come to `owner`, which frees it.
    static func makeSession(for owner: HTTP2Session) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        // SAFETY: the session copies the callbacks. It holds a pointer to its owner, who outlives it.
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks = unsafe callbacks else {
            return nil
        }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, _, context in
            unsafe HTTP2Session.from(context)?.idleFrames += 1
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
            guard let frame = unsafe frame else { return 0 }
            unsafe HTTP2Session.from(context)?.exchanges[frame.pointee.hd.stream_id]?.response.beginFields()
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, length, _, context in
            guard let frame = unsafe frame, let me = unsafe HTTP2Session.from(context) else { return 0 }
            // SAFETY: the library gives as many letters as it says.
            unsafe me.received(
                HTTP2Session.text(name, nameLength), HTTP2Session.text(value, length),
                on: frame.pointee.hd.stream_id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, stream, data, length, context in
            // SAFETY: the library gives as many bytes as it says.
            unsafe HTTP2Session.from(context)?.received(
                UnsafeRawBufferPointer(start: data, count: length).bytes, on: stream)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            if let frame = unsafe frame { unsafe HTTP2Session.from(context)?.received(frame.pointee) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
            if let frame = unsafe frame, unsafe frame.pointee.hd.type == NGHTTP2_HEADERS.rawValue {
                unsafe HTTP2Session.from(context)?.exchanges[frame.pointee.hd.stream_id]?.isSent = true
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, context in
            unsafe HTTP2Session.from(context)?.closed(stream, code)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, code, context in
            guard let frame = unsafe frame, let me = unsafe HTTP2Session.from(context) else { return 0 }
            unsafe me.fail(frame.pointee.hd.stream_id, .malformed(me.takeComplaint() ?? HTTP2Session.describe(code)))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_error_callback2(callbacks) { _, _, message, length, context in
            guard let message = unsafe message else { return 0 }
            // SAFETY: the library gives as many letters as it says.
            let letters = unsafe UnsafeRawBufferPointer(start: message, count: length)
            unsafe HTTP2Session.from(context)?.complaint = unsafe String(decoding: letters, as: UTF8.self)
            return 0
        }
        var session: OpaquePointer?
        // SAFETY: as above; nil or a session comes back.
        _ = unsafe nghttp2_session_client_new(&session, callbacks, Unmanaged.passUnretained(owner).toOpaque())
        return unsafe session
    }

    /// Hands over the next part of a request's body, as flow control allows.
    static let readBody: nghttp2_data_source_read_callback = { _, stream, buffer, length, flags, _, context in
        // SAFETY: nghttp2 gives pointers and their lengths, which are valid during the callback.
        guard let me = unsafe HTTP2Session.from(context), let exchange = me.exchanges[stream],
            let buffer = unsafe buffer, let flags = unsafe flags
        else {
            // The call was dropped: the library resets the stream, as it was told already.
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let count = min(length, exchange.body.count - exchange.sentBytes)
        unsafe exchange.body.withUnsafeBytes { body in
            // SAFETY: the buffer has room for `length` bytes.
            unsafe UnsafeMutableRawPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: body[exchange.sentBytes..<exchange.sentBytes + count])
                    .baseAddress
                    ?? UnsafeRawPointer(buffer), byteCount: count)
        }
        exchange.sentBytes += count
        me.noteProgress()
        if exchange.sentBytes == exchange.body.count { unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return count
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
        // SAFETY: the context is the session's owner, who calls into the library and so is alive.
        unsafe context.map { unsafe Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func text(_ start: UnsafePointer<UInt8>?, _ length: Int) -> String {
        // SAFETY: nghttp2 gives pointers and their lengths, which are valid during the callback.
        unsafe String(decoding: unsafe UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
    }

    // MARK: What comes

    /// After an error the remaining fields are only decompressed, to keep the table in step.
    private func received(_ name: String, _ value: String, on stream: Int32) {
        guard let exchange = exchanges[stream] else { return }
        noteProgress()
        do throws(HTTP2Response.Failure) {
            try exchange.response.receiveField(name, value)
        } catch {
            fail(stream, StreamFailure(error))
        }
    }

    private func received(_ data: RawSpan, on stream: Int32) {
        guard let exchange = exchanges[stream] else { return }
        if !data.isEmpty { noteProgress() }
        do throws(HTTP2Response.Failure) {
            try exchange.response.receiveData(data)
            heldBytes += data.byteCount
            guard heldBytes <= maximumHeldBytes else { throw .tooLarge(maximumBytes: maximumHeldBytes) }
        } catch {
            fail(stream, StreamFailure(error))
        }
    }

    private func received(_ frame: nghttp2_frame) {
        // SAFETY: nghttp2 gives pointers and their lengths, which are valid during the callback.
        let stream = unsafe frame.hd.stream_id
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            if unsafe UInt32(frame.hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { ended(stream) }
        case NGHTTP2_SETTINGS.rawValue: hasSettings = true
        case NGHTTP2_RST_STREAM.rawValue: exchanges[stream]?.wasResetByServer = true
        case NGHTTP2_GOAWAY.rawValue:
            guard !isGoingAway else { return }
            isGoingAway = true
            report(.goingAway)
        default: break
        }
    }

    private func ended(_ stream: Int32) {
        guard let exchange = exchanges[stream] else { return }
        do throws(HTTP2Response.Failure) {
            try exchange.response.receiveEnd()
        } catch {
            return fail(stream, StreamFailure(error))
        }
        guard let response = exchange.response.completed else { return }
        // A server may answer before it has read the whole request, and then does not want the rest.
        if exchange.sentBytes < exchange.body.count { cancel(stream) } else { _ = forget(stream) }
        report(.answered(stream: stream, response))
    }

    private func closed(_ stream: Int32, _ code: UInt32) {
        guard let exchange = forget(stream) else { return }
        let failure: StreamFailure
        let hasStarted = exchange.response.hasStarted
        if !exchange.isSent || code == NGHTTP2_REFUSED_STREAM.rawValue && !hasStarted {
            failure = .refused
        } else if code == NGHTTP2_HTTP_1_1_REQUIRED.rawValue && !hasStarted {
            failure = .needsHTTP1
        } else if exchange.wasResetByServer || code == NGHTTP2_NO_ERROR.rawValue {
            failure = .reset(code)
        } else {
            // The library has ended it, for example because the body is not as long as was said.
            // SAFETY: the library returns a static string.
            failure = .malformed("a violation of HTTP/2, \(unsafe String(cString: nghttp2_http2_strerror(code)))")
        }
        report(.failed(stream: stream, failure))
    }
}

extension HTTP2Session.StreamFailure {
    init(_ failure: HTTP2Response.Failure) {
        switch failure {
        case .malformed(let reason): self = .malformed(reason)
        case .tooLarge(let bytes): self = .tooLarge(maximumBytes: bytes)
        }
    }
}
