import ClientProtocol
import Observability
import Testing
import Wire

@testable import VoiceGateway

@Suite("Settings that are read again")
struct ServeRequestTests {
    private func request(_ file: String, _ line: String = "", environment: [String: String] = [:]) throws
        -> ServeRequest
    {
        guard case .serve(let request) = try invoke("serve " + line, environment: environment, file: file) else {
            throw UsageError(["not serve"])
        }
        return request
    }

    private func reread(_ request: ServeRequest, _ file: String) throws(UsageError) -> ServeRequest.Reread {
        try request.reread { path throws(FileError) in path == Settings.defaultFile ? file : nil }
    }

    @Test("what stands in the file now counts, and its names are told")
    func changes() throws {
        let keys = "API_KEY_ENABLED=true\n"
        let running = try request("\(keys)API_KEYS=one\nMAX_CONNECTIONS=10")
        let again = try reread(running, "\(keys)API_KEYS=one,two\nLOG_LEVEL=debug")
        #expect(again.changed == ["LOG_LEVEL", "API_KEYS", "MAX_CONNECTIONS"] && again.waiting == [])
        let configuration = again.request.configuration
        #expect(configuration.logLevel == .debug && configuration.limits.maximumConnections == 10_000)
        #expect(configuration.access.apiKeys?.check("two") == .accepted(number: 1))
    }

    @Test("command line and environment still go before the file")
    func precedence() throws {
        let running = try request("AGENT_NAME=a\nMAX_TRACKS=1", "--max-tracks 2", environment: ["AGENT_NAME": "b"])
        let again = try reread(running, "AGENT_NAME=c\nMAX_TRACKS=3")
        #expect(again.changed == [] && again.request == running)
    }

    @Test("a file with mistakes is refused as at a start, with all its sentences")
    func mistakes() throws {
        let running = try request("")
        let error = #expect(throws: UsageError.self) { try reread(running, "MAX_TRACKS=0\nPORT=x\nnonsense") }
        #expect(error?.mistakes.count == 3)
    }

    @Test("what needs a restart is named and counts as before, the next time too")
    func waiting() throws {
        let running = try request("PORT=5\nTHREADS=2\nMAX_TRACKS=3")
        let first = try reread(running, "PORT=6\nMAX_TRACKS=4")
        let second = try reread(first.request, "PORT=6\nMAX_TRACKS=4")
        for again in [first, second] {
            #expect(again.waiting == ["PORT", "THREADS"])
            let configuration = again.request.configuration
            #expect(configuration.listenAddress.port == 5 && configuration.threads == 2)
            #expect(configuration.limits.maximumTracks == 4)
        }
        #expect(first.changed == ["MAX_TRACKS"] && second.changed == [])
        #expect(try reread(second.request, "PORT=5\nTHREADS=2\nMAX_TRACKS=4").waiting == [])
    }

    private let deployment = "LIVEKIT_URL=wss://a.test\nLIVEKIT_API_KEY=k\n"

    @Test("another secret for the same deployment counts at once; with another deployment it waits together with that")
    func credentials() throws {
        let running = try request(deployment + "LIVEKIT_API_SECRET=old-secret")
        let rotated = try reread(running, deployment + "LIVEKIT_API_SECRET=new-secret")
        #expect(rotated.waiting == [] && rotated.request.configuration.roomServer.credentials.secret == "new-secret")
        let moved = try reread(
            running, "LIVEKIT_URL=wss://b.test\nLIVEKIT_API_KEY=l\nLIVEKIT_API_SECRET=new-secret\nAGENT_NAME=bob")
        #expect(moved.waiting == ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
        #expect(moved.changed == ["AGENT_NAME"])
        #expect(moved.request.configuration.roomServer == running.configuration.roomServer)
        #expect(moved.request.configuration.tokens.livekitPublicURL == "wss://a.test")
    }

    @Test("a gateway with the room server inside keeps it until a restart, and what goes with it")
    func inside() throws {
        let running = try request("")
        let again = try reread(running, deployment + "LIVEKIT_API_SECRET=some-secret")
        #expect(again.waiting == ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
        #expect(again.request.configuration == running.configuration)
    }

    @Test("another certificate counts at once; TLS or none is decided at the start")
    func certificate() throws {
        let secure = try request("TLS_CERT=a.pem\nTLS_KEY=a.key")
        let renewed = try reread(secure, "TLS_CERT=b.pem\nTLS_KEY=b.key")
        #expect(renewed.waiting == [] && renewed.request.configuration.tls?.certificate == "b.pem")
        let plain = try reread(secure, "")
        #expect(
            plain.waiting == ["TLS_CERT", "TLS_KEY"] && plain.request.configuration.tls == secure.configuration.tls)
    }
}
