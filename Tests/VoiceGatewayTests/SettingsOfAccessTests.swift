import Bridge
import ClientProtocol
import HTTP
import Observability
import Signalling
import Testing
import VoiceGateway
import Wire

@Suite("Settings with keys, and what they open")
struct SettingsOfAccessTests {
    // MARK: Characters that people do not see

    @Test(
        "a secret that Kubernetes hands over with a line feed is refused with the place, and not shown",
        arguments: [
            ("hush\n", "character 5 of 5 is a line feed; write the value without (echo -n)"),
            ("hush ", "character 5 of 5 is a space; write the value without"),
            (" hush", "character 1 of 5 is a space; write the value without"),
            ("hu\tsh", "character 3 of 5 is a tab; write the value without"),
            ("hush\r\n", "character 5 of 6 is a carriage return; write the value without"),
            ("\u{FEFF}hush", "character 1 of 5 is the invisible character U+FEFF; write the value without"),
            ("hu\u{200B}sh", "character 3 of 5 is the invisible character U+200B; write the value without"),
            ("hush\u{A0}", "character 5 of 5 is the invisible character U+00A0; write the value without"),
        ])
    func invisible(secret: String, reason: String) {
        var environment = deployment
        environment["LIVEKIT_API_SECRET"] = secret
        #expect(mistakes("", environment: environment) == ["LIVEKIT_API_SECRET is set, but \(reason)."])
        environment = deployment
        environment["LIVEKIT_API_KEY"] = secret
        #expect(mistakes("check-config", environment: environment).first?.contains("but \(reason).") == true)
    }

    @Test(
        "what documents write in the place of a key is no key",
        arguments: [
            "…", "wss-key…", "...", "your-api-key", "YOUR_SECRET", "changeme", "change-me", "<api key>",
            "${LIVEKIT_API_KEY}",
            "{{ .key }}", "xxxx", "api secret", "***",
        ])
    func placeholders(text: String) {
        for name in ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"] {
            let found = mistakes("", environment: deployment.merging([name: text]) { $1 })
            #expect(found.count == 1 && found[0].hasPrefix("\(name) is "))
            #expect(found[0].hasSuffix("but it is a placeholder, as documents have it; write the real one."))
            #expect(name == "LIVEKIT_API_KEY" || !found[0].contains(text))
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return }
        #expect(
            mistakes("", environment: ["API_KEY_ENABLED": "true", "API_KEYS": "real,\(text)"])
                == ["API_KEYS is set, but entry 2 of 2 is a placeholder, as documents have it; write the real one."])
    }

    @Test(
        "keys that only look a little like that are keys", arguments: ["devkey", "secret", "k", "APIx7yourKQ", "youth"])
    func keys(text: String) throws {
        let configuration = try serve(environment: deployment.merging(["LIVEKIT_API_SECRET": text]) { $1 })
        #expect(configuration.roomServer.credentials.secret == text)
    }

    @Test("the operator's key and port are not those of clients")
    func admin() throws {
        let keys = ["API_KEY_ENABLED": "true", "API_KEYS": "one,two", "ADMIN_API_KEY": "two"]
        #expect(
            mistakes("", environment: keys)
                == ["ADMIN_API_KEY is one of API_KEYS, but clients must not have the operator's key."])
        #expect(
            mistakes("", environment: ["ADMIN_API_KEY": "key", "ADMIN_PORT": "5", "PORT": "5"]).first?
                .hasPrefix("ADMIN_PORT and PORT are both 5;") == true)
        let configuration = try serve(environment: ["ADMIN_PORT": "5"])
        #expect(configuration.admin == AdminSettings())
        #expect(
            try warnings(environment: ["ADMIN_PORT": "5"]) == [
                "ADMIN_PORT is set without ADMIN_API_KEY, so there is no admin API."
            ])
    }

    @Test("around the entries of a list there may be white space, also lines of a YAML block")
    func lists() throws {
        let configuration = try serve(
            environment: [
                "API_KEY_ENABLED": "true", "API_KEYS": "one,\ntwo\n", "TRUSTED_PROXIES": " ::1,\n 10.0.0.0/8\n",
            ])
        #expect(configuration.access.apiKeys == APIKeys(["one", "two"]))
        #expect(configuration.http.trustedProxies.contains(.loopbackV6))
        #expect(
            mistakes("", environment: ["API_KEY_ENABLED": "true", "API_KEYS": "one,t\u{200B}wo"])
                == ["API_KEYS is set, but character 6 of 8 is the invisible character U+200B; write the value without."]
        )
    }

    // MARK: An open door

    @Test("a deployment that everybody can use is told in one line, with the settings that close it")
    func openDoor() throws {
        let environment = deployment
        let open = try warnings(environment: environment)
        #expect(
            open == [
                "Everybody who reaches 0.0.0.0:3000, every web page included, can join any room of LIVEKIT_URL under any identity, "
                    + "start any agent and get access tokens, without a key: API_KEY_ENABLED=true with API_KEYS closes this, "
                    + "ALLOWED_ORIGINS for web pages alone, HOST=127.0.0.1 for other machines."
            ])
        let named = try warnings(
            environment: environment.merging([
                "ALLOWED_ORIGINS": "https://app.test", "ALLOW_CLIENT_ROOMS": "false",
                "ALLOW_CLIENT_IDENTITIES": "false",
                "ALLOWED_AGENTS": "custom-agent", "HOST": "::", "PORT": "80",
            ]) { $1 })
        #expect(
            named == [
                "Everybody who reaches [::]:80 can join a room of LIVEKIT_URL, start the agent custom-agent and get access tokens, "
                    + "without a key: API_KEY_ENABLED=true with API_KEYS closes this, HOST=127.0.0.1 for other machines."
            ])
    }

    @Test(
        "nothing is said when a key is asked for, nobody else reaches the port, or the rooms are inside",
        arguments: [
            deployment.merging(["API_KEY_ENABLED": "true", "API_KEYS": "k"]) { $1 },
            deployment.merging(["HOST": "127.0.0.1"]) { $1 }, deployment.merging(["HOST": "::1"]) { $1 }, [:],
        ])
    func closedDoor(environment: [String: String]) throws {
        #expect(try warnings(environment: environment) == [])
    }
}
