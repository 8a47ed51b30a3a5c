import Testing
import VoiceGateway

@Suite("Table of settings")
struct SettingsReportTests {
    private var document: String {
        get throws {
            let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            return try #require(try TextFile.read("/\(root)/docs/configuration.md"))
        }
    }

    @Test("docs/configuration.md ends with exactly the table that the program prints")
    func documentation() throws {
        let table = try invoke("check-config --table")
        #expect(table == .print(SettingsReport.table))
        let text = try document
        let start = try #require(text.firstRange(of: "\n### ")).lowerBound
        #expect(text[text.index(after: start)...] == SettingsReport.table)
    }

    @Test("the help of serve names every option, the overview every setting")
    func help() {
        for setting in GatewaySettings.all {
            #expect(HelpText.overview.contains("  \(setting.variable) "))
            guard let flag = setting.flag else { continue }
            for command in [Subcommand.serve, .checkConfig] {
                #expect(HelpText.about(command).contains("--\(flag) "))
            }
        }
    }

    @Test("names are unique, and meanings are one line")
    func consistent() {
        let all = GatewaySettings.all
        #expect(Set(all.map(\.variable)).count == all.count)
        #expect(Set(all.compactMap(\.flag)).count == all.compactMap(\.flag).count)
        #expect(all.allSatisfy { !$0.meaning.contains("\n") && !$0.meaning.hasSuffix(".") })
    }

    /// The lines of `check-config` as name, source and value.
    private func effective(_ line: String = "", environment: [String: String] = [:], file: String? = nil) throws
        -> [String: String]
    {
        guard
            case .checkConfig(let text, _) = try invoke(
                "check-config " + line, environment: environment, file: file)
        else { throw UsageError(["not check-config"]) }
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            result[String(words[0])] = words.dropFirst().joined(separator: " ")
        }
        return result
    }

    @Test("check-config shows what counts and where it comes from, and no secret")
    func shows() throws {
        let found = try effective(
            "--port 5", environment: deployment.merging(["PORT": "6", "API_KEYS": "hush"]) { $1 },
            file: "PORT=7\nAPI_KEY_ENABLED=true\nAGENT_NAME=a b")
        #expect(found["PORT"] == "--port 5")
        #expect(found["API_KEY_ENABLED"] == ".env true")
        #expect(found["AGENT_NAME"] == ".env a b")
        #expect(found["LIVEKIT_URL"] == "environment wss://x.test")
        #expect(found["LIVEKIT_API_SECRET"] == "environment (set)" && found["API_KEYS"] == "environment (set)")
        #expect(found["HOST"] == "default 0.0.0.0")
        #expect(Set(found.keys) == Set(GatewaySettings.all.map(\.variable)))
    }

    @Test("defaults that depend on other settings are shown as they come out")
    func resolves() throws {
        let open = try effective()
        #expect(open["ALLOW_CLIENT_ROOMS"] == "default true" && open["ALLOWED_AGENTS"] == "default *")
        let closed = try effective(environment: ["API_KEY_ENABLED": "true", "API_KEYS": "k"])
        #expect(closed["ALLOW_CLIENT_ROOMS"] == "default false" && closed["ALLOWED_AGENTS"] == "default custom-agent")
        let deployed = try effective(environment: deployment)
        #expect(deployed["LIVEKIT_PUBLIC_URL"] == "default wss://x.test")
    }
}
