import EventLoops
import NetworkTestSupport
import Testing
import Wire

#if canImport(Glibc)
    import Glibc
#endif

/// A TCP socket that is bound to a loopback port and does nothing else.
final class BoundSocket: Sendable {
    let descriptor: Int32
    let address: TransportAddress

    init() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        // SAFETY: the memory is used during the call only.
        unsafe withUnsafeMutablePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(descriptor, $0, size)
                _ = unsafe getsockname(descriptor, $0, &size)
            }
        }
        address = TransportAddress(ip: .loopbackV4, port: UInt16(bigEndian: name.sin_port))
    }

    deinit { close(descriptor) }
}

@Suite("TCP", .timeLimit(.minutes(1)))
struct TCPTests {
    static let loopback = TransportAddress(ip: .loopbackV4, port: 0)

    /// A server that sends back what it gets and closes when the client has ended its half.
    final class EchoServer {
        private(set) var listener: TCPListener! = nil
        private var connections: [ObjectIdentifier: TCPConnection] = [:]

        init(loop: EventLoop, bind address: TransportAddress = TCPTests.loopback, isShared: Bool = false)
            throws(EventLoopError)
        {
            listener = try TCPListener(loop: loop, bind: address, isShared: isShared) { [unowned self] descriptor in
                accept(descriptor, loop: loop)
            }
        }

        private func accept(_ descriptor: Int32, loop: EventLoop) {
            let box = Locked<TCPConnection?>(nil)
            let connection = try? TCPConnection(
                loop: loop, adopting: descriptor,
                onBytes: { bytes in _ = box.withLock { $0 }?.write([UInt8](copying: bytes.bytes)) },
                onEnd: { [unowned self] _ in
                    guard let connection = box.withLock({ $0 }) else { return }
                    connection.onDrain = { [unowned self] in close(connection) }
                    if connection.queuedBytes == 0 { close(connection) }
                })
            guard let connection else { return }
            box.withLock { $0 = connection }
            connections[ObjectIdentifier(connection)] = connection
        }

        private func close(_ connection: TCPConnection) {
            connection.close()
            connections[ObjectIdentifier(connection)] = nil
        }

        func close() {
            listener.close()
            for connection in connections.values { connection.close() }
            connections = [:]
        }
    }

    @Test("a megabyte goes there and back, and the half-close ends it")
    func echoes() async throws {
        try await withLoop { loop in
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let done = Expectation<[UInt8]>()
            let server = try await loop.run { () throws(EventLoopError) in
                LoopBound(try EchoServer(loop: loop), on: loop)
            }
            try await loop.run { () throws(EventLoopError) in
                let address = server.value.listener.localAddress
                let connection = try TCPConnection(loop: loop)
                var received: [UInt8] = []
                connection.onBytes = { received.append(copying: $0.bytes) }
                connection.onEnd = { [unowned connection] error in
                    #expect(error == nil)
                    done.fulfil(received)
                    connection.close()
                }
                connection.connect(to: address, timeout: .seconds(10)) { [unowned connection] result in
                    guard case .success = result else { return done.fulfil([]) }
                    #expect(connection.remoteAddress == address)
                    #expect(connection.localAddress?.ip == .loopbackV4)
                    for start in stride(from: 0, to: sent.count, by: 100_000) {
                        #expect(connection.write(Array(sent[start..<start + 100_000])))
                    }
                    connection.shutdown()
                }
            }
            let received = try await done.next()
            #expect(received == sent)
            await loop.run { server.value.close() }
        }
    }

    @Test("a port where nobody listens refuses")
    func refused() async throws {
        try await withLoop { loop in
            let failed = Expectation<EventLoopError?>()
            // Bound, so that nobody else can listen there, and not listening either.
            let bound = BoundSocket()
            try await loop.run { () throws(EventLoopError) in
                let connection = try TCPConnection(loop: loop)
                connection.connect(to: bound.address, timeout: .seconds(10)) { result in
                    if case .failure(let error) = result { failed.fulfil(error) } else { failed.fulfil(nil) }
                }
            }
            let error = try await failed.next()
            #expect(error == .connectionRefused)
            #expect(error?.isRetryable == true)
        }
    }

    @Test("a connection that nobody answers times out")
    func timesOut() async throws {
        try await withLoop { loop in
            let failed = Expectation<EventLoopError?>()
            // A full backlog answers no more: the kernel drops the third hello.
            let silent = BoundSocket()
            #expect(listen(silent.descriptor, 0) == 0)
            let target = silent.address
            let opened = try await loop.run { () throws(EventLoopError) in
                var connections: [TCPConnection] = []
                for _ in 0..<4 {
                    let connection = try TCPConnection(loop: loop)
                    connection.connect(to: target, timeout: .milliseconds(100)) { result in
                        if case .failure(let error) = result { failed.fulfil(error) }
                    }
                    connections.append(connection)
                }
                return LoopBound(connections, on: loop)
            }
            let error = try await failed.next()
            #expect(error == .timedOut)
            await loop.run { for connection in opened.value { connection.close() } }
        }
    }

    @Test("no callback comes after close, not even that of connect")
    func silentAfterClose() async throws {
        try await withLoop { loop in
            let server = try await loop.run { () throws(EventLoopError) in
                LoopBound(try EchoServer(loop: loop), on: loop)
            }
            let called = Locked(false)
            try await loop.run { () throws(EventLoopError) in
                let connection = try TCPConnection(loop: loop)
                connection.onEnd = { _ in called.withLock { $0 = true } }
                connection.connect(to: server.value.listener.localAddress, timeout: .seconds(5)) { _ in
                    called.withLock { $0 = true }
                }
                connection.close()
                #expect(!connection.write([1]))
            }
            for _ in 0..<5 { await loop.run {} }
            #expect(!called.withLock { $0 })
            await loop.run { server.value.close() }
        }
    }

    @Test("two loops share one port, a third owner is refused by the probe")
    func shares() async throws {
        try await withLoop("first") { first in
            try await withLoop("second") { second in
                let one = try await first.run { () throws(EventLoopError) in
                    LoopBound(try EchoServer(loop: first, isShared: true), on: first)
                }
                let address = await first.run { one.value.listener.localAddress }
                let two = try await second.run { () throws(EventLoopError) in
                    LoopBound(try EchoServer(loop: second, bind: address, isShared: true), on: second)
                }
                #expect(throws: EventLoopError.addressInUse(address)) { try TCPListener.probe(address) }
                await first.run { one.value.close() }
                await second.run { two.value.close() }
            }
        }
    }
}

@Suite("Names, interfaces and signals", .timeLimit(.minutes(1)))
struct SystemTests {
    private func resolve(_ host: String, on loop: EventLoop) async throws -> Result<[TransportAddress], EventLoopError>
    {
        let done = Expectation<Result<[TransportAddress], EventLoopError>>()
        loop.execute { loop.resolve(host: host, port: 80) { done.fulfil($0) } }
        return try await done.next()
    }

    @Test("localhost is a loopback address, literals are themselves")
    func resolves() async throws {
        try await withLoop { loop in
            let local = try await resolve("localhost", on: loop).get()
            #expect(!local.isEmpty)
            #expect(local.allSatisfy { $0.ip.isLoopback && $0.port == 80 })
            let literal = try await resolve("192.0.2.7", on: loop).get()
            #expect(literal == [TransportAddress(ip: .v4(0xC000_0207), port: 80)])
            let six = try await resolve("::1", on: loop).get()
            #expect(six == [TransportAddress(ip: .loopbackV6, port: 80)])
        }
    }

    @Test("an impossible name is an error", arguments: ["", "a\0b", String(repeating: "a", count: 300)])
    func failsToResolve(host: String) async throws {
        try await withLoop { loop in
            let result = try await resolve(host, on: loop)
            #expect(result == .failure(.nameNotFound(host)))
        }
    }

    @Test("a cancelled look-up stays silent")
    func cancels() async throws {
        try await withLoop { loop in
            let called = Locked(false)
            await loop.run {
                loop.resolve(host: "localhost", port: 1) { _ in called.withLock { $0 = true } }.cancel()
                loop.resolve(host: "127.0.0.1", port: 1) { _ in called.withLock { $0 = true } }.cancel()
            }
            _ = try await resolve("localhost", on: loop)
            #expect(!called.withLock { $0 })
        }
    }

    @Test("the loopback interface is listed, link-local addresses are not")
    func interfaces() throws {
        let all = try InterfaceAddress.all()
        #expect(all.contains { $0.isLoopback && $0.ip == .loopbackV4 })
        #expect(!all.contains { $0.ip.isLinkLocal })
    }

    @Test("a watched signal calls the handler, SIGPIPE does nothing")
    func signals() async throws {
        try await withLoop { loop in
            let heard = Expectation<Bool>()
            let watcher = try await loop.run { () throws(EventLoopError) in
                LoopBound(try SignalWatcher(loop: loop, .terminate) { heard.fulfil(loop.isCurrent) }, on: loop)
            }
            // To the process: test tasks run on threads that block signals.
            kill(getpid(), SIGPIPE)
            kill(getpid(), SIGTERM)
            let wasOnLoop = try await heard.next()
            #expect(wasOnLoop)
            await loop.run { watcher.value.close() }
        }
    }
}
