import Foundation
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

@Suite("TLS session")
struct TLSSessionTests {
    let authority: TestAuthority
    let context: TLSClientContext

    init() throws {
        authority = try TestAuthority()
        let path = try authority.writeFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        context = try TLSClientContext(trusting: .file(path))
    }

    /// What a session reported during an exchange.
    final class Outcome {
        var isConnected = false
        var applicationProtocol: String?
        var received: [UInt8] = []
        var isClosed = false
        var failure: TLSFailure?
    }

    /// Carries bytes both ways until nobody has any, in pieces of `step` bytes.
    func exchange(_ session: TLSSession, _ server: TLSTestServer, into outcome: Outcome, step: Int = 100_000) {
        while true {
            var isQuiet = true
            while let output = session.poll() {
                isQuiet = false
                switch output {
                case .transmit(let bytes): server.receive(bytes)
                case .connected(let name):
                    outcome.isConnected = true
                    outcome.applicationProtocol = name
                case .received(let bytes): outcome.received += bytes
                case .closed: outcome.isClosed = true
                case .failed(let failure): outcome.failure = failure
                }
            }
            let answer = server.take()
            var start = 0
            while start < answer.count {
                isQuiet = false
                let end = min(start + step, answer.count)
                session.receive([UInt8](answer[start..<end]).span.bytes)
                start = end
            }
            if isQuiet { return }
        }
    }

    @Test("plaintext passes both ways once the server proved its name", arguments: [1, 7, 100_000])
    func roundTrip(step: Int) throws {
        let server = try TLSTestServer(authority, names: "DNS:voice.example.test")
        let session = try TLSSession(context, host: "voice.example.test")
        let outcome = Outcome()
        #expect(session.send(Array("early ".utf8)))
        session.start()
        exchange(session, server, into: outcome, step: step)
        #expect(outcome.isConnected)
        #expect(server.serverName == "voice.example.test")
        #expect(session.send(Array("hello".utf8)))
        let large = [UInt8](repeating: 5, count: 100_000)
        server.send(large)
        exchange(session, server, into: outcome, step: step)
        #expect(server.received == Array("early hello".utf8))
        #expect(outcome.received == large)
        server.close()
        exchange(session, server, into: outcome, step: step)
        #expect(outcome.isClosed)
        #expect(outcome.failure == nil)
        #expect(!session.send([1]))
    }

    @Test("the application protocol that both know is agreed upon")
    func applicationProtocol() throws {
        let server = try TLSTestServer(authority, names: "DNS:a.test", applicationProtocols: ["h1"])
        let session = try TLSSession(context, host: "a.test", applicationProtocols: ["h9", "h1"])
        let outcome = Outcome()
        session.start()
        exchange(session, server, into: outcome)
        #expect(outcome.applicationProtocol == "h1")
    }

    @Test("a server is verified by its IP address when it is called by one")
    func address() throws {
        let outcome = Outcome()
        let session = try TLSSession(context, host: "127.0.0.1")
        session.start()
        exchange(session, try TLSTestServer(authority, names: "IP:127.0.0.1"), into: outcome)
        #expect(outcome.isConnected)
    }

    @Test("a certificate for another host or address is rejected by name", arguments: ["b.test", "127.0.0.2"])
    func wrongHost(host: String) throws {
        let outcome = Outcome()
        let session = try TLSSession(context, host: host)
        session.start()
        exchange(session, try TLSTestServer(authority, names: "DNS:a.test,IP:127.0.0.1"), into: outcome)
        guard case .certificateRejected(host, let reason) = outcome.failure else {
            Issue.record("expected a rejection, got \(String(describing: outcome.failure))")
            return
        }
        #expect(reason.contains("mismatch"))
        #expect(!outcome.isConnected)
    }

    @Test("a certificate of an unknown authority is rejected")
    func unknownAuthority() throws {
        let outcome = Outcome()
        let session = try TLSSession(context, host: "a.test")
        session.start()
        exchange(session, try TLSTestServer(try TestAuthority(), names: "DNS:a.test"), into: outcome)
        guard case .certificateRejected = outcome.failure else {
            Issue.record("expected a rejection, got \(String(describing: outcome.failure))")
            return
        }
    }

    @Test("the system's authorities do not vouch for a test certificate")
    func systemAuthorities() throws {
        let outcome = Outcome()
        let session = try TLSSession(try TLSClientContext(), host: "a.test")
        session.start()
        exchange(session, try TLSTestServer(authority, names: "DNS:a.test"), into: outcome)
        guard case .certificateRejected = outcome.failure else {
            Issue.record("expected a rejection, got \(String(describing: outcome.failure))")
            return
        }
    }

    @Test("a peer that does not speak TLS gives a clear error")
    func notTLS() throws {
        let session = try TLSSession(context, host: "a.test")
        session.start()
        session.receive(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8).span.bytes)
        var failure: TLSFailure?
        while let output = session.poll() { if case .failed(let reason) = output { failure = reason } }
        guard case .protocol("a.test", _) = failure else {
            Issue.record("expected a protocol failure, got \(String(describing: failure))")
            return
        }
    }

    @Test("an end of the connection without close_notify counts as truncated")
    func truncated() throws {
        let session = try TLSSession(context, host: "a.test")
        session.start()
        session.receiveEnd()
        var failure: TLSFailure?
        while let output = session.poll() { if case .failed(let reason) = output { failure = reason } }
        #expect(failure == .truncated(host: "a.test"))
    }

    @Test("a missing file of authorities is named")
    func missingFile() {
        #expect {
            try TLSClientContext(trusting: .file("/nonexistent/authorities.pem"))
        } throws: { error in
            "\(error)".contains("/nonexistent/authorities.pem")
        }
    }

    @Test("hosts that cannot be verified are refused", arguments: ["", String(repeating: "a", count: 254), "a\0b"])
    func badHost(host: String) {
        #expect(throws: SecureTransportError.hostName(host)) { try TLSSession(context, host: host) }
    }
}
