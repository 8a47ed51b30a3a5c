import HTTP
import Testing
import Wire

@Suite("PROXY protocol")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let v4: [UInt8] = [192, 0, 2, 7, 192, 0, 2, 1, 0x1F, 0x90, 0x01, 0xBB]

    private static func header(
        command: UInt8 = 0x21, family: UInt8 = 0x11, _ body: [UInt8] = v4, length: Int? = nil
    ) -> [UInt8] {
        let count = length ?? body.count
        return signature + [command, family, UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)] + body
    }

    private func failure(_ bytes: [UInt8]) -> ProxyHeader.Failure? {
        do throws(ProxyHeader.Failure) {
            _ = try ProxyHeader.read(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test("the address of the client is read, and what comes behind the header is left")
    func addresses() throws {
        let bytes = Self.header() + Array("GET".utf8)
        let (header, length) = try #require(try ProxyHeader.read(bytes))
        #expect(header.source?.description == "192.0.2.7:8080" && !header.isSecure && length == 28)
        let v6: [UInt8] =
            [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 16)
        let six = try ProxyHeader.read(Self.header(family: 0x21, v6 + [0, 80, 0, 81]))
        #expect(six?.header.source?.description == "[2001:db8::7]:80")
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 7] + [UInt8](repeating: 0, count: 20)
        #expect(try ProxyHeader.read(Self.header(family: 0x21, mapped))?.header.source?.ip.description == "192.0.2.7")
    }

    @Test("a proxy that speaks for itself, a local socket and an unknown family name no client")
    func unnamed() throws {
        for bytes in [
            Self.header(command: 0x20), Self.header(command: 0x20, family: 0, []), Self.header(family: 0, []),
            Self.header(family: 0x31, [UInt8](repeating: 65, count: 216)), Self.header(family: 0x12),
        ] { #expect(try ProxyHeader.read(bytes)?.header == ProxyHeader(source: nil)) }
    }

    @Test("TLS between client and proxy is told by its field, others are passed over")
    func fields() throws {
        let tls: [UInt8] = [0x20, 0, 5, 0x01, 0, 0, 0, 0]
        let other: [UInt8] = [0x02, 0, 2, 65, 66]
        #expect(try ProxyHeader.read(Self.header(Self.v4 + other + tls))?.header.isSecure == true)
        #expect(try ProxyHeader.read(Self.header(Self.v4 + other))?.header.isSecure == false)
        #expect(try ProxyHeader.read(Self.header(Self.v4 + [0x20, 0, 0]))?.header.isSecure == false)
    }

    @Test("a header may come byte by byte: until it is whole, more is asked for")
    func pieces() throws {
        let bytes = Self.header(Self.v4 + [0x02, 0, 1, 65])
        for count in 0..<bytes.count { #expect(try ProxyHeader.read(Array(bytes[..<count])) == nil) }
        #expect(try ProxyHeader.read(bytes) != nil)
    }

    @Test("what is no header is refused at its first wrong byte, with the reason")
    func refused() {
        #expect(failure(Array("GET / HTTP/1.1".utf8)) == .missing)
        #expect(failure([13, 10, 13, 11]) == .missing)
        #expect(failure([0x16]) == .missing)
        #expect(failure(Array("PROXY TCP4 ".utf8)) == .versionOne)
        #expect(failure(Self.header(command: 0x11)) == .unsupported("version 1"))
        #expect(failure(Self.header(command: 0x22)) == .unsupported("the command 2"))
        #expect(failure(Self.header([], length: 65_535)) == .tooLong(65_551))
    }

    @Test("lengths that do not fit each other are refused, however they are wrong")
    func lengths() {
        for count in 0..<12 {
            guard case .malformed? = failure(Self.header(Array(Self.v4[..<count]))) else {
                Issue.record("\(count) bytes of addresses")
                continue
            }
        }
        for field: [UInt8] in [[0x20], [0x20, 0], [0x20, 0, 1], [0x20, 0xFF, 0xFF, 1]] {
            guard case .malformed? = failure(Self.header(Self.v4 + field)) else {
                Issue.record("\(field)")
                continue
            }
        }
    }

    @Test("no bytes do harm: each change of a byte of a good header gives a header, a reason, or a wish for more")
    func changes() {
        let good = Self.header(Self.v4 + [0x20, 0, 5, 1, 0, 0, 0, 0])
        for place in good.indices {
            for value in 0...UInt8.max {
                var bytes = good
                bytes[place] = value
                if let (_, length) = (try? ProxyHeader.read(bytes)) ?? nil { #expect(length <= bytes.count) }
            }
        }
    }
}
