import EventLoops
import Glibc
import HTTPServer
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

@Suite("Many who begin TLS at once", .timeLimit(.minutes(1)))
struct TLSCrowdTests {
    /// Connections to a server, as plain sockets, and how often the loop has had a turn while they were answered.
    // SAFETY: used on the loop's thread.
    private final class Crowd: @unchecked Sendable {
        private let loop: EventLoop
        private let sockets: [Int32]
        private let answered: Events<Int>
        private var turn: LoopTimer?
        private var turns = 0

        init(of count: Int, to address: TransportAddress, loop: EventLoop, answered: Events<Int>) {
            self.loop = loop
            self.answered = answered
            sockets = (0..<count).map { _ in
                let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var there = sockaddr_in()
                there.sin_family = sa_family_t(AF_INET)
                there.sin_port = in_port_t(address.port.bigEndian)
                there.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
                // SAFETY: the address is read during the call only.
                _ = unsafe withUnsafePointer(to: &there) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                return descriptor
            }
        }

        deinit { for descriptor in sockets { _ = close(descriptor) } }

        /// Sends the same to the server on all of them, before the loop looks at any.
        func send(_ bytes: [UInt8]) {
            // SAFETY: the bytes are read during the call only.
            for descriptor in sockets { _ = unsafe Glibc.send(descriptor, bytes, bytes.count, 0) }
            turn = LoopTimer(loop: loop) { [unowned self] in look() }
            turn?.arm(at: loop.now)
        }

        private func look() {
            turns += 1
            var polls = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            // SAFETY: the array is used during the call only.
            let readable = unsafe poll(&polls, nfds_t(polls.count), 0)
            if readable == sockets.count { answered.add(turns) } else { turn?.arm(at: loop.now) }
        }
    }

    private func clientHello() throws -> [UInt8] {
        let session = try TLSSession(TLSClientContext(), host: "a.test")
        session.start()
        guard case .transmit(let hello)? = session.poll() else { return [] }
        return hello
    }

    @Test("they are answered a few in a turn of the loop, so that calls have theirs between")
    func turns() async throws {
        let (certificate, key) = try TestAuthority().writeIssued("DNS:a.test")
        let context = try TLSServerContext(certificate: certificate, key: key)
        let hello = try clientHello()
        let crowd = 200
        try await TestServer.run { server in
            server.server.certificate = { context }
        } _: { server in
            let answered = Events<Int>()
            let address = try await on(server.loop) { server.address }
            let clients = Crowd(of: crowd, to: address, loop: server.loop, answered: answered)
            while try await on(server.loop, { server.server.connectionCount < crowd }) {}
            try await on(server.loop) { clients.send(hello) }
            // Each costs a tenth of a millisecond at least.
            #expect(try await answered.next() >= 5)
        }
    }
}
