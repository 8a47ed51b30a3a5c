import EventLoops
import HTTP
import HTTPClient
import LiveKitParticipant
import SecureTransport
import Signalling
import Testing
import Wire

@testable import VoiceGateway

/// A set-up in which one step fails and all others succeed. Each step takes 10 ms.
private final class FakeTools: ExaminationTools {
    var failures: [ExaminationStep: Ailment] = [:]
    private(set) var performed: [ExaminationStep] = []
    private(set) var hasTidiedUp = false
    private(set) var now = Instant.zero
    /// Steps that are never over.
    var endless: Set<ExaminationStep> = []

    func perform(_ step: ExaminationStep, completion: @escaping (Result<String, Ailment>) -> Void) {
        performed.append(step)
        now += .milliseconds(10)
        if endless.contains(step) { return }
        completion(failures[step].map { .failure($0) } ?? .success("found \(step.rawValue)"))
    }

    func tidyUp(completion: @escaping () -> Void) {
        hasTidiedUp = true
        completion()
    }
}

/// An examination with its fake.
private final class Practice {
    let tools = FakeTools()
    private(set) var reports: [Examination.Report] = []
    private(set) var verdicts: [Examination.Verdict] = []
    private(set) var examination: Examination!

    init(_ url: String = "wss://rooms.test", failures: [ExaminationStep: Ailment] = [:]) throws {
        let url = try HTTPURL(url)
        tools.failures = failures
        examination = Examination(
            ExaminationStep.towardsAgent(isSecure: url.origin.isSecure),
            of: Finding.Subject(url: url, key: "APIkey", agent: "custom-agent", isInside: false), tools: tools,
            now: { [tools] in tools.now }, tell: { [unowned self] in reports.append($0) },
            completion: { [unowned self] in verdicts.append($0) })
    }

    func run() -> Practice {
        examination.start()
        return self
    }

    /// All that was said.
    var text: String { reports.map(DoctorReport.text).joined() + verdicts.map(DoctorReport.text).joined() }
}

@Suite("An examination")
struct ExaminationTests {
    @Test("where all is well every step is taken once, timed, and told, and nothing is left behind")
    func healthy() throws {
        let practice = try Practice().run()
        let steps = ExaminationStep.allCases.filter { $0 != .settings }
        #expect(practice.tools.performed == steps)
        #expect(practice.reports.map(\.step) == steps)
        #expect(practice.reports.allSatisfy { $0.duration == .milliseconds(10) })
        #expect(practice.verdicts == [.healthy] && practice.tools.hasTidiedUp)
        #expect(practice.text.hasPrefix("ok      name           10 ms  found name\n"))
        #expect(practice.text.hasSuffix("\nAll is well: callers can talk with the agent.\n"))
    }

    @Test("without TLS in the URL there is no step for it")
    func plain() throws {
        let practice = try Practice("ws://rooms.test").run()
        #expect(!practice.tools.performed.contains(.tls) && practice.verdicts == [.healthy])
    }

    @Test("what comes after a step that failed is not tried, and is named")
    func stops() throws {
        let practice = try Practice(failures: [.dispatch: .agent(.noWorker, after: .seconds(20))]).run()
        #expect(practice.tools.performed.last == .dispatch && practice.tools.hasTidiedUp)
        #expect(practice.verdicts == [.failed(.dispatch, untried: [.agent, .reply])])
        #expect(practice.text.hasSuffix("        Not tried: agent, reply.\n"))
    }

    @Test("an interruption ends it at once, with nothing left behind, and a late answer says nothing any more")
    func interruption() throws {
        let practice = try Practice()
        practice.tools.endless = [.agent]
        _ = practice.run()
        let count = practice.reports.count
        practice.examination.interrupt()
        practice.examination.interrupt()
        #expect(practice.verdicts == [.interrupted] && practice.tools.hasTidiedUp && practice.reports.count == count)
    }

    @Test("for programs it is one JSON object")
    func json() throws {
        let practice = try Practice("ws://rooms.test", failures: [.name: .name(.nameNotFound("rooms.test"))]).run()
        let verdict = try #require(practice.verdicts.first)
        let json = DoctorReport.json(practice.reports, verdict)
        #expect(json["healthy"] == false && json["interrupted"] == false)
        #expect(
            json["steps"] == [
                [
                    "step": "name", "ok": false, "ms": 10, "problem": "no address is known for rooms.test",
                    "mender": "gateway",
                    "remedy":
                        "Compare LIVEKIT_URL with the deployment's address. If it is right, this machine's name server does not know it: getent hosts rooms.test",
                ]
            ])
        #expect(json["untried"]?.array?.count == ExaminationStep.allCases.count - 3)
    }
}

@Suite("What an examination finds")
struct FindingTests {
    private let address = TransportAddress(ip: .v4(0x0A00_0005), port: 7880)
    private let origin = HTTPOrigin(isSecure: true, host: "rooms.test", port: 443)

    /// What is said when that step fails for that reason.
    private func said(_ ailment: Ailment, at step: ExaminationStep, _ url: String = "wss://rooms.test") throws -> String
    {
        try Practice(url, failures: [step: ailment]).run().text
    }

    private func refused(_ code: TwirpCode, _ message: String = "") -> ServerAPIError {
        .refused(method: "ListParticipants", TwirpError(code, message))
    }

    @Test("settings with mistakes: all of them, and nothing else is tried")
    func settings() {
        let finding = Finding(.settings(["PORT is \"x\".", "HOST is \"y\"."]), of: nil)
        #expect(finding.problem == "PORT is \"x\". HOST is \"y\"." && finding.mender == .gateway)
    }

    @Test("a name server that does not answer is this machine's affair")
    func nameService() throws {
        let text = try said(.name(.nameServiceFailed(host: "rooms.test", reason: "temporary failure")), at: .name)
        #expect(text.contains("rooms.test cannot be looked up now") && text.contains("whoever runs this machine"))
    }

    @Test("a refused port, and a firewall that swallows, have different menders")
    func connections() throws {
        let refused = try said(.connection(.connectionRefused, tried: [address]), at: .connection)
        #expect(
            refused.contains("10.0.0.5:7880 refuses connections") && refused.contains("whoever runs the room server"))
        let swallowed = try said(.connection(.timedOut, tried: [address]), at: .connection)
        #expect(swallowed.contains("10.0.0.5:7880 does not answer") && swallowed.contains("runs the network between"))
        let unreachable = try said(.connection(.unreachable, tried: [address]), at: .connection)
        #expect(unreachable.contains("there is no way to 10.0.0.5:7880"))
    }

    @Test("TLS where none is spoken: another scheme or port")
    func plainPort() throws {
        let failure = TLSFailure.protocol(host: "rooms.test", reason: "wrong version number")
        let text = try said(.tls(failure), at: .tls)
        #expect(text.contains("rooms.test speaks no TLS") && text.contains("Write ws:// in place of wss://"))
        let other = try said(.answerWantsTLS, at: .answer, "ws://rooms.test")
        #expect(other.contains("rooms.test speaks TLS") && other.contains("Write wss:// in place of ws://"))
    }

    @Test(
        "each fault of a certificate has its remedy",
        arguments: [
            ("self-signed certificate", "LIVEKIT_CA_FILE"),
            ("unable to get local issuer certificate", "the whole chain of certificates"),
            ("certificate has expired", "Renew the certificate"), ("certificate is not yet valid", "timedatectl"),
            ("hostname mismatch", "Write the name into LIVEKIT_URL"),
            ("IP address mismatch", "Write the name into LIVEKIT_URL"),
        ])
    func certificates(reason: String, remedy: String) throws {
        let failure = TLSFailure.certificateRejected(host: "rooms.test", reason: reason)
        let text = try said(.tls(failure), at: .tls)
        #expect(text.contains("the certificate of rooms.test was rejected: \(reason)") && text.contains(remedy))
    }

    @Test("a server that accepts and says nothing is told from one that is not there, with TLS and without")
    func silence() throws {
        for text in [
            try said(.tlsSilence(.seconds(5)), at: .tls), try said(.answer(.timedOut(origin)), at: .answer),
        ] { #expect(text.contains("accepts the connection, and then says nothing for 5 s")) }
    }

    @Test("clocks that differ are told by how much, and which way")
    func clocks() throws {
        let text = try said(.clock(-3600), at: .clock)
        #expect(
            text.contains("this machine's clock is 3600 s ahead of the room server's") && text.contains("timedatectl"))
    }

    @Test("a wrong key is told from a wrong secret")
    func keys() throws {
        let key = try said(
            .keys(refused(.unauthenticated, "invalid API key: APIkey"), knowsTime: true), at: .keys)
        #expect(key.contains("does not know the key APIkey") && !key.contains("a minute off"))
        let secret = try said(
            .keys(refused(.unauthenticated, "error in cryptographic primitive"), knowsTime: false), at: .keys)
        #expect(secret.contains("signed with the secret of the key APIkey"))
        #expect(secret.contains("does not say what time it is"))
        let right = try said(.keys(refused(.permissionDenied), knowsTime: true), at: .keys)
        #expect(right.contains("does not have the right"))
    }

    @Test("a token that the server repeats is not shown")
    func tokens() throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
        let text = try said(
            .keys(refused(.unauthenticated, "invalid token: \(token)"), knowsTime: true), at: .keys)
        #expect(text.contains("(token)") && !text.contains("eyJ"))
    }

    @Test("something else than LiveKit answers")
    func foreign() throws {
        let page = ServerAPIError.refused(
            method: "ListParticipants", TwirpError(status: 404, body: Array("<html>".utf8)))
        let text = try said(.keys(page, knowsTime: true), at: .keys)
        #expect(text.contains("something else than LiveKit answers at wss://rooms.test"))
        let nonsense = HTTPClientError.malformedResponse(origin, reason: "no status line")
        #expect(try said(.answer(nonsense), at: .answer).contains("a LiveKit server says OK"))
    }

    @Test("a proxy that passes no WebSockets on")
    func webSockets() throws {
        let text = try said(.room(ParticipantError(.notLiveKit, "HTTP status 404")), at: .room)
        #expect(text.contains("no WebSocket comes about at /rtc") && text.contains("with Upgrade and Connection"))
    }

    @Test("UDP that is blocked: to which addresses, and whether they can be reached from elsewhere at all")
    func media() throws {
        let error = ParticipantError(.mediaUnreachable)
        let hidden = try said(.media(error, announced: [address]), at: .media)
        #expect(hidden.contains("nothing comes back from 10.0.0.5:7880") && hidden.contains("rtc.use_external_ip"))
        let open = try said(
            .media(error, announced: [TransportAddress(ip: .v4(0xCB00_7105), port: 7882)]), at: .media)
        #expect(open.contains("203.0.113.5:7882") && !open.contains("rtc.use_external_ip"))
        #expect(try said(.media(error, announced: []), at: .media).contains("rtc.udp_port"))
    }

    @Test("an agent that does not come: no worker, a worker that is late, a job that failed")
    func agents() throws {
        let none = try said(.agent(.noWorker, after: .seconds(20)), at: .agent)
        #expect(none.contains("no worker has taken the job for the agent \"custom-agent\" within 20 s"))
        #expect(none.contains("\"registered worker\"") && none.contains("whoever runs the agent"))
        #expect(try said(.agent(.late, after: .seconds(20)), at: .agent).contains("has taken the job"))
        #expect(try said(.agent(.failed("no key"), after: .seconds(9)), at: .agent).contains("has failed: no key"))
    }

    @Test("an agent that says nothing, that only writes, and that leaves")
    func replies() throws {
        #expect(try said(.reply(.everything), at: .reply).contains("neither greets nor answers a text"))
        #expect(try said(.reply(.sound), at: .reply).contains("answers in text, but no sound comes"))
        #expect(try said(.reply(.agent), at: .reply).contains("left before it said anything"))
        #expect(try said(.reply(.question("too large")), at: .reply).contains("could not be asked: too large"))
    }
}
