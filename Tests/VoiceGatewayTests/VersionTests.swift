import Testing
import VoiceGateway
import Wire

@Suite("The version")
struct VersionTests {
    private func file(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try #require(try TextFile.read("/\(root)/\(path)"))
    }

    @Test("is the same on the command line, in OpenAPI, in requests to LiveKit and in the changelog")
    func one() throws {
        #expect(try invoke("--version") == .print("VoiceGateway \(Product.version)\n"))
        #expect(Product.userAgent == "VoiceGateway/\(Product.version)")
        #expect(try HTTPStage().document()["info"]?["version"]?.string == Product.version)
        let newest = try file("CHANGELOG.md").split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(newest?.hasPrefix("## \(Product.version)") == true)
    }

    @Test("of Swift is the same for the package, the bootstrap and readers")
    func swift() throws {
        let manifest = try file("Package.swift")
        let tools = try #require(manifest.firstMatch(of: /^\/\/ swift-tools-version: ([0-9.]+)/)).1
        #expect(try file("README.md").contains("Swift \(tools)"))
        #expect(try file("scripts/bootstrap").contains("Swift \(tools) or newer"))
    }
}
