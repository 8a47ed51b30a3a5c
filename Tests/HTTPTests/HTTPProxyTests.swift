import HTTP
import Testing
import Wire

@Suite("A proxy that leads on")
struct HTTPProxyTests {
    private func status(_ text: String) throws(HTTPProxy.Failure) -> Int? { try HTTPProxy.status(of: Array(text.utf8)) }

    private func failure(_ text: String) -> HTTPProxy.Failure? {
        do throws(HTTPProxy.Failure) {
            _ = try status(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("it is asked for host and port, with the port in any case")
    func request() {
        let proxy = HTTPProxy(host: "proxy.test", port: 3128, authorization: "Basic dTpw")
        let origin = HTTPOrigin(isSecure: true, host: "::1", port: 443)
        let text = String(decoding: proxy.request(for: origin), as: UTF8.self)
        #expect(text.hasPrefix("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test("its answer counts when its head is whole, however it is cut")
    func answers() throws {
        let text = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"
        for count in 0..<text.utf8.count { #expect(try HTTPProxy.status(of: Array(text.utf8.prefix(count))) == nil) }
        #expect(try status(text) == 200)
        #expect(try status("HTTP/1.0 407 Proxy Authentication Required\r\n\r\n<html>") == 407)
    }

    @Test("what is no answer, too long, or more than was asked for, is told apart")
    func wrong() {
        for text in ["SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1\r\n\r\n", "\r\n\r\n"] {
            #expect(failure(text) == .notHTTP)
        }
        #expect(failure("HTTP/1.1 200 OK\r\n\r\nhello") == .excess)
        #expect(failure("HTTP/1.1 200 " + String(repeating: "x", count: 20_000)) == .tooLong)
    }
}
