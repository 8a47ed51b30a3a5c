import HTTP
import Testing
import VoiceGateway

@Suite("VoiceGateway doctor, its command line")
struct DoctorRequestTests {
    private func request(_ line: String, environment: [String: String] = [:], file: String? = nil) throws
        -> DoctorRequest
    {
        guard case .doctor(let request) = try invoke("doctor " + line, environment: environment, file: file) else {
            throw UsageError(["not doctor"])
        }
        return request
    }

    @Test("it takes the settings of serve: options, environment, file")
    func settings() throws {
        let found = try request(
            "--livekit-url ws://x.test:1 --text Hi --patience 3s --json", environment: deployment,
            file: "AGENT_NAME=bob")
        let configuration = try found.settings.get().configuration
        #expect(configuration.roomServer.credentials.key == "k" && configuration.agentName == "bob")
        guard case .deployment(let url, _) = configuration.roomServer else {
            Issue.record("no deployment")
            return
        }
        #expect(url.origin.host == "x.test" && url.origin.port == 1)
        #expect(found.text == "Hi" && found.patience == .seconds(3) && found.showsJSON)
    }

    @Test("mistakes in the settings are a finding, all of them")
    func mistaken() throws {
        let found = try request("", environment: ["PORT": "x", "THREADS": "many"])
        guard case .failure(let error) = found.settings else {
            Issue.record("no mistakes")
            return
        }
        #expect(error.mistakes.count == 2)
    }

    @Test("mistakes in its own options are the caller's")
    func usage() {
        #expect(mistakes("doctor --patience never").first?.contains("--patience is \"never\"") == true)
        #expect(mistakes("doctor --text=") == ["--text must not be empty."])
        #expect(mistakes("doctor now") == ["doctor takes no \"now\"."])
        #expect(mistakes("doctor --patence 3") == ["doctor has no option --patence. Did you mean --patience?"])
    }
}
