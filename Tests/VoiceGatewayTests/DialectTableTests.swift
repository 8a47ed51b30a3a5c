import ClientProtocol
import Testing

@testable import VoiceGateway

@Suite("Table of dialects")
struct DialectTableTests {
    @Test("docs/client-protocol.md has exactly the dialects that the gateway speaks")
    func documentation() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try #require(try TextFile.read("/\(root)/docs/client-protocol.md"))
        #expect(text.contains("\n## Dialects\n\n\(ClientDialects.table)\n\n## "))
    }
}
