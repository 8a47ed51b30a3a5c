import HTTP
import LoadGenerator
import Testing

@testable import VoiceGateway

@Suite("What a load test is asked for")
struct LoadRequestTests {
    func request(_ line: String) throws -> LoadRequest {
        guard case .load(let request) = try invoke(line) else { throw CancellationError() }
        return request
    }

    @Test("without options ten clients talk to each other in pairs")
    func defaults() throws {
        let plan = try request("load ws://h:1").plan
        #expect(plan.url.target == "/ws" && plan.sessions == 10 && plan.talking == 1 && plan.topology == .pairs)
    }

    @Test("options say how many talk, how, and to whom")
    func options() throws {
        let request = try request(
            "load ws://h/ws?api_key=k --sessions 400 --talking 0.05 --rest noise --duration 30s --rate 50 --format opus --agent my-agent --watch 12 --watch 13 --param access_token=a/b --json out.json"
        )
        let plan = request.plan
        #expect(plan.sessions == 400 && plan.talking == 0.05 && plan.rest == .noise && plan.isOpus)
        #expect(plan.duration == .seconds(30) && plan.connectRate == 50 && plan.watched == [12, 13])
        #expect(plan.topology == .agent("my-agent") && plan.query == "api_key=k&access_token=a%2Fb")
        #expect(request.json == "out.json")
    }

    @Test(
        "what cannot work is named",
        arguments: [
            ("load", "load needs one URL, for example ws://127.0.0.1:3000/ws."),
            ("load ws://h --talking 2", "--talking is \"2\", but it must be a number from 0.000 to 1.00."),
            ("load ws://h --rest music", "--rest is \"music\", but there are nothing, noise and zeros."),
            ("load ws://h --format mp3", "--format is \"mp3\", but there are pcm and opus."),
            ("load ws://h --watch me", "--watch is \"me\", but it must be the id of a process."),
            ("load ws://h --sessions 2.5", "--sessions must be a whole number."),
        ])
    func mistakesAreNamed(line: String, sentence: String) {
        #expect(mistakes(line) == [sentence])
    }
}
