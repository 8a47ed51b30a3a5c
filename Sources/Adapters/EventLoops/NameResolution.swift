internal import CLibUV
internal import Glibc
package import Wire

/// A name being looked up. libuv asks the system's resolver on a thread of its own, so that the loop never waits.
// SAFETY: libuv has the memory until it calls back, and until then the loop holds the object.
@safe
package final class NameResolution {
    private let loop: EventLoop
    private let host: String
    private let port: UInt16
    private let raw: UnsafeMutablePointer<uv_getaddrinfo_t>
    private var completion: ((Result<[TransportAddress], EventLoopError>) -> Void)?

    fileprivate init(
        loop: EventLoop, host: String, port: UInt16,
        completion: @escaping (Result<[TransportAddress], EventLoopError>) -> Void
    ) {
        self.loop = loop
        self.host = host
        self.port = port
        self.completion = completion
        // SAFETY: the request lives as long as this object, which the loop holds until the callback.
        unsafe raw = .allocate(capacity: 1)
        unsafe raw.initialize(to: uv_getaddrinfo_t())
    }

    deinit {
        // SAFETY: libuv has called back, or never got the request.
        unsafe raw.deallocate()
    }

    /// Whether nobody has cancelled it and no answer has come.
    var isWanted: Bool { completion != nil }

    /// What a leftover is called.
    var label: String { "look-up of \(host)" }

    /// The completion will not be called.
    package func cancel() {
        loop.preconditionCurrent("a look-up")
        guard completion != nil else { return }
        completion = nil
        // Fails when the resolver is busy with it already; its answer is then ignored.
        // SAFETY: the request lives as long as this object, which the loop holds until the callback.
        unsafe withUnsafeMutablePointer(to: &raw.pointee) { request in
            _ = unsafe request.withMemoryRebound(to: uv_req_t.self, capacity: 1) { unsafe uv_cancel($0) }
        }
    }

    fileprivate func start() {
        if let literal = IPAddress(host) {
            return answerLater(.success([TransportAddress(ip: literal, port: port)]))
        }
        guard loop.acceptsHandles else { return answerLater(.failure(.loopStopped)) }
        guard !host.isEmpty, host.utf8.count <= 255, !host.utf8.contains(0) else {
            return answerLater(.failure(.nameNotFound(host)))
        }
        // SAFETY: the request lives as long as this object, which the loop holds until the callback.
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe raw.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: libuv copies name and hints; the loop holds this object until the callback.
        let code = unsafe uv_getaddrinfo(
            loop.raw, raw,
            { request, status, list in
                guard let data = unsafe request?.pointee.data else { return }
                unsafe Unmanaged<NameResolution>.fromOpaque(data).takeUnretainedValue().finished(status, list)
                unsafe uv_freeaddrinfo(list)
            }, host, nil, &hints)
        guard code == 0 else { return answerLater(.failure(error(code))) }
        loop.register(self)
    }

    /// Every answer comes after `resolve` has returned.
    private func answerLater(_ result: Result<[TransportAddress], EventLoopError>) {
        // SAFETY: both places are the loop's thread.
        nonisolated(unsafe) let me = self
        loop.execute { unsafe me.answer(result) }
    }

    private func answer(_ result: Result<[TransportAddress], EventLoopError>) {
        let completion = completion
        self.completion = nil
        completion?(result)
    }

    private func finished(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        loop.unregister(self)
        guard status == 0 else { return answer(.failure(error(status))) }
        var found: [TransportAddress] = []
        // SAFETY: the list is what libuv has just given; it is freed by the caller.
        var entry = unsafe list
        while let current = unsafe entry {
            // SAFETY: the list is libuv's and stays until it is freed by the caller.
            if let address = unsafe current.pointee.ai_addr, let parsed = unsafe TransportAddress(address) {
                let address = TransportAddress(ip: parsed.ip, port: port)
                if !found.contains(address) { found.append(address) }
            }
            unsafe entry = current.pointee.ai_next
        }
        answer(found.isEmpty ? .failure(.nameNotFound(host)) : .success(found))
    }

    private func error(_ code: Int32) -> EventLoopError {
        switch code {
        case UV_EAI_NONAME.rawValue, UV_EAI_NODATA.rawValue, UV_ENOENT.rawValue, UV_EAI_ADDRFAMILY.rawValue:
            .nameNotFound(host)
        case UV_ECANCELED.rawValue, UV_EAI_CANCELED.rawValue: .cancelled
        default: .nameServiceFailed(host: host, reason: EventLoopError.describe(code))
        }
    }
}

extension EventLoop {
    /// Looks a name up; an address in text form is answered without asking anybody. Call it on the loop.
    ///
    /// - Parameters:
    ///   - host: a name, or an IPv4 or IPv6 address without brackets.
    ///   - port: goes into the answers.
    ///   - completion: called once, later, unless the look-up is cancelled; the answers are in the system's order
    ///     of preference, never empty.
    @discardableResult
    package func resolve(
        host: String, port: UInt16, completion: @escaping (Result<[TransportAddress], EventLoopError>) -> Void
    ) -> NameResolution {
        preconditionCurrent("a look-up")
        let resolution = NameResolution(loop: self, host: host, port: port, completion: completion)
        resolution.start()
        return resolution
    }
}
