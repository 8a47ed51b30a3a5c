import Foundation
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

@Suite("The server's side of TLS")
struct TLSServerTests {
    private let authority: TestAuthority
    private let trust: TLSClientContext
    private let files: (certificate: String, key: String)

    init() throws {
        authority = try TestAuthority()
        let path = try authority.writeFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        trust = try TLSClientContext(trusting: .file(path))
        files = try authority.writeIssued("DNS:voice.example.test")
    }

    /// What both ends have reported.
    private struct Outcome {
        var received: [[UInt8]] = [[], []]
        var protocols: [String?] = [nil, nil]
        var isConnected = [false, false]
        var failures: [TLSFailure] = []
    }

    /// Carries bytes both ways until nobody has any: the client's end is the first, the server's the second.
    private func exchange(_ ends: [TLSSession]) -> Outcome {
        var outcome = Outcome()
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for (index, end) in ends.enumerated() {
                while let output = end.poll() {
                    isQuiet = false
                    switch output {
                    case .transmit(let bytes): ends[1 - index].receive(bytes.span.bytes)
                    case .connected(let name):
                        outcome.isConnected[index] = true
                        outcome.protocols[index] = name
                    case .received(let bytes): outcome.received[index] += bytes
                    case .closed: break
                    case .failed(let failure): outcome.failures.append(failure)
                    }
                }
            }
        }
        return outcome
    }

    private func connect(_ context: TLSServerContext, offering protocols: [String] = []) throws -> Outcome {
        let client = try TLSSession(trust, host: "voice.example.test", applicationProtocols: protocols)
        let server = try TLSSession(context)
        client.send(Array("from the client".utf8))
        server.send(Array("from the server".utf8))
        client.start()
        server.start()
        return exchange([client, server])
    }

    @Test("bytes pass both ways, and the client trusts the certificate for its name")
    func roundTrip() throws {
        let outcome = try connect(try TLSServerContext(certificate: files.certificate, key: files.key))
        #expect(outcome.isConnected == [true, true] && outcome.failures.isEmpty)
        #expect(outcome.received == [Array("from the server".utf8), Array("from the client".utf8)])
    }

    @Test("of the protocols that a client offers HTTP/1.1 is taken")
    func applicationProtocol() throws {
        let context = try TLSServerContext(certificate: files.certificate, key: files.key)
        #expect(try connect(context, offering: ["h2", "http/1.1"]).protocols == ["http/1.1", "http/1.1"])
        #expect(try connect(context).protocols == [nil, nil])
    }

    @Test("a client that offers other protocols only is refused")
    func unknownApplicationProtocol() throws {
        let context = try TLSServerContext(certificate: files.certificate, key: files.key)
        let outcome = try connect(context, offering: ["h2"])
        #expect(outcome.isConnected == [false, false] && outcome.failures.count == 2)
    }

    @Test("where clients need a certificate, one without is refused")
    func clientCertificate() throws {
        let authorities = try authority.writeFile()
        defer { try? FileManager.default.removeItem(atPath: authorities) }
        let context = try TLSServerContext(
            certificate: files.certificate, key: files.key, clientAuthorities: authorities)
        let outcome = try connect(context)
        #expect(!outcome.isConnected[1] && !outcome.failures.isEmpty)
    }

    @Test("a key that is not the certificate's is refused by name, and so is a file that is none")
    func wrongFiles() throws {
        let other = try authority.writeIssued("DNS:other.example.test")
        #expect {
            try TLSServerContext(certificate: files.certificate, key: other.key)
        } throws: { error in
            "\(error)".contains(other.key) && "\(error)".contains("not the key of the certificate")
        }
        #expect(throws: SecureTransportError.self) {
            try TLSServerContext(certificate: "/nonexistent", key: files.key)
        }
    }
}
