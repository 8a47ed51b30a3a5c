import Bridge
import ClientProtocol
import HTTP
import Observability
import Testing
import Wire

@testable import VoiceGateway

/// A process, alone or of a fleet, that does what the operator says, and remembers it.
final class FakeOperations: GatewayOperations {
    var asked: [(question: OperatorQuestion, whom: Addressee)] = []
    var callsThatAre: Set<String> = ["s1"]
    var logLevel = LogLevel.info
    var isDraining = false
    var isGoing = false
    var hasFleet = false
    /// What others answer.
    var others: [GatewayAnswer] = []
    var silent: [String] = []
    var isRedisAway = false
    /// Numbers of the calls that are here.
    var numbers: [Int64] = []

    static func gateway(_ id: String, calls: Int = 3, isDraining: Bool = false) -> GatewayAnswer.Gateway {
        GatewayAnswer.Gateway(
            id: id, host: "h", pid: 7, version: "1", seconds: 5, calls: calls, isDraining: isDraining)
    }

    static func call(_ number: Int64) -> JSONValue { ["number": .integer(number)] }

    func ask(_ question: OperatorQuestion, of whom: Addressee, completion: @escaping (OperatorAnswers) -> Void) {
        asked.append((question, whom))
        var isDone = true
        switch question {
        case .perform(_, let id): isDone = callsThatAre.contains(id)
        case .drain: isDraining = true
        case .undrain:
            isDone = !isGoing
            if isDone { isDraining = false }
        case .calls, .state: break
        }
        var own = GatewayAnswer(Self.gateway("g1", isDraining: isDraining))
        own.isDone = isDone
        own.calls = numbers.map(Self.call)
        var answers = OperatorAnswers(answers: [own], silent: silent, isWhole: !isRedisAway)
        switch whom {
        case .here, .gateway("g1"): break
        case .all: answers.answers += others
        case .gateway(let id): answers.answers = others.filter { $0.gateway.id == id }
        }
        completion(answers)
    }

    var questions: [OperatorQuestion] { asked.map(\.question) }
}

@Suite("The operator's routes")
struct AdminRoutesTests {
    private let operations = FakeOperations()
    private let stage: HTTPStage

    init() { stage = HTTPStage(operations: operations) }

    private func send(_ method: HTTPMethod, _ path: String, _ body: String? = nil) throws -> HTTPStage.Answer {
        try stage.send(
            method, "/admin" + path, body, headers: [("Authorization", "Bearer \(HTTPStage.operatorKey)")])
    }

    @Test("nothing is shown or done without the operator's key")
    func key() throws {
        for (method, path) in [
            (HTTPMethod.get, "/calls"), (.get, "/calls/s1"), (.delete, "/calls/s1"), (.post, "/drain"),
            (.get, "/log-level"), (.get, "/gateways"), (.post, "/gateways/g1/drain"),
        ] {
            #expect(try stage.send(method, "/admin" + path).status == 403)
        }
        #expect(operations.asked.isEmpty)
    }

    @Test("without operations there are no such routes")
    func closed() throws { #expect(try HTTPStage().send(.get, "/admin/calls").status == 404) }

    @Test("a list is asked for with its filters, one call more than the page has, and says how many calls there are")
    func list() throws {
        let answer = try send(.get, "/calls?room=r&identity=a%20b&agent=c&limit=5&after=7")
        #expect(answer.status == 200)
        #expect(
            answer.json == [
                "calls": [], "next": nil, "total": 3, "draining": false, "scope": "process", "silent": [],
            ])
        _ = try send(.get, "/calls")
        _ = try send(.get, "/calls?gateway=g2")
        #expect(
            operations.questions == [
                .calls(after: 7, limit: 6, CallFilter(room: "r", identity: "a b", agent: "c")),
                .calls(after: 0, limit: 101, CallFilter()), .calls(after: 0, limit: 101, CallFilter()),
            ])
        #expect(operations.asked.map(\.whom) == [.all, .all, .gateway("g2")])
    }

    @Test("calls of several gateways make one list by their beginnings, and each page begins behind the last")
    func pages() throws {
        var other = GatewayAnswer(FakeOperations.gateway("g2", calls: 4))
        other.calls = [15, 20, 30].map(FakeOperations.call)
        (operations.hasFleet, operations.others, operations.silent) = (true, [other], ["g3"])
        operations.numbers = [10, 20, 40]
        let whole = try send(.get, "/calls").json
        #expect(whole["calls"] == .array([10, 15, 20, 20, 30, 40].map(FakeOperations.call)))
        #expect(whole["next"] == nil as JSONValue && whole["total"] == 7)
        #expect(whole["scope"] == "fleet" && whole["silent"] == ["g3"])
        let page = try send(.get, "/calls?limit=2").json
        #expect(page["calls"] == .array([10, 15].map(FakeOperations.call)) && page["next"] == 15)
        // Nobody is left out who began with another.
        let split = try send(.get, "/calls?limit=3").json
        #expect(split["calls"] == .array([10, 15, 20, 20].map(FakeOperations.call)) && split["next"] == 20)
        operations.isRedisAway = true
        #expect(try send(.get, "/calls").json["scope"] == "process")
    }

    @Test("gateways are listed and drained by their ids; one that is not there is 404, one that does not answer 503")
    func gateways() throws {
        operations.hasFleet = true
        operations.others = [GatewayAnswer(FakeOperations.gateway("g2", isDraining: true))]
        let list = try send(.get, "/gateways").json
        #expect(list["gateways"]?.array?.compactMap { $0["id"]?.string } == ["g1", "g2"])
        #expect(list["gateways"]?[1]?["draining"] == true && list["scope"] == "fleet")
        #expect(try send(.post, "/gateways/g2/drain").json == ["draining": true, "calls": 3])
        #expect(try send(.post, "/gateways/g2/undrain").status == 200)
        #expect(operations.asked.suffix(2).map(\.whom) == [.gateway("g2"), .gateway("g2")])
        #expect(operations.questions.suffix(2) == [.drain, .undrain])
        #expect(try send(.post, "/gateways/g9/drain").status == 404)
        operations.silent = ["g9"]
        #expect(try send(.post, "/gateways/g9/drain").status == 503)
        operations.isGoing = true
        #expect(try send(.post, "/gateways/g1/undrain").status == 409)
    }

    @Test(
        "a parameter that cannot be is answered with what is allowed, and nothing is asked",
        arguments: [
            ("limit=0", "limit must be a number from 1 to 1000"),
            ("limit=1001", "limit must be a number from 1 to 1000"),
            ("limit=-1", "limit must be a number from 1 to 1000"), ("limit=", "limit must be a number from 1 to 1000"),
            ("after=x", "after must be the next of an earlier answer"),
            ("after=9007199254740992", "after must be the next of an earlier answer"),
            (
                "rooms=r",
                "There is no parameter of that name; there are room, identity, agent, gateway, limit and after"
            ),
        ])
    func wrongParameters(query: String, sentence: String) throws {
        let answer = try send(.get, "/calls?" + query)
        #expect(answer.status == 400 && answer.error == sentence && operations.asked.isEmpty)
    }

    @Test("a call is shown, ended, written to and interrupted by its id; one that is not there is 404")
    func commands() throws {
        #expect(try send(.get, "/calls/s9").status == 404)
        #expect(operations.questions == [.calls(after: 0, limit: 1, CallFilter(id: "s9"))])
        #expect(try send(.delete, "/calls/s1").status == 204)
        #expect(try send(.post, "/calls/s1/interrupt").status == 204)
        #expect(try send(.post, "/calls/s1/text", #"{"text": "hello"}"#).status == 204)
        #expect(
            operations.questions.suffix(3) == [
                .perform(.end, id: "s1"), .perform(.interrupt, id: "s1"), .perform(.text("hello"), id: "s1"),
            ])
        #expect(operations.asked.allSatisfy { $0.whom == .all })
        let answer = try send(.delete, "/calls/s2")
        #expect(answer.status == 404 && answer.error == "There is no such call")
        operations.silent = ["g2"]
        #expect(try send(.delete, "/calls/s2").status == 503)
    }

    @Test("a text is 1 to 2000 characters in a JSON body, or nothing reaches the agent")
    func texts() throws {
        let longest = String(repeating: "é", count: AdminRoutes.maximumTextLength)
        #expect(try send(.post, "/calls/s1/text", "{\"text\": \"\(longest)\"}").status == 204)
        for body in ["{\"text\": \"\(longest)é\"}", #"{"text": ""}"#, #"{"text": 5}"#, "{}", "text", ""] {
            #expect(try send(.post, "/calls/s1/text", body).status == 400)
        }
        #expect(operations.asked.count == 1)
    }

    @Test("the log's level is shown and changed; an unknown one is refused with those that there are")
    func levels() throws {
        #expect(try send(.get, "/log-level").json == ["level": "info"])
        #expect(try send(.put, "/log-level", #"{"level": "debug"}"#).json == ["level": "debug"])
        #expect(operations.logLevel == .debug)
        let answer = try send(.put, "/log-level", #"{"level": "loud"}"#)
        #expect(answer.status == 400 && answer.error?.hasPrefix("level must be one of ") == true)
        #expect(operations.logLevel == .debug)
    }

    @Test("it drains and lets in again, but not once the process has been told to go")
    func drain() throws {
        #expect(try send(.post, "/drain").json == ["draining": true, "calls": 3])
        #expect(try send(.post, "/undrain").json == ["draining": false, "calls": 3])
        operations.isGoing = true
        #expect(try send(.post, "/drain").status == 200)
        let answer = try send(.post, "/undrain")
        #expect(answer.status == 409 && operations.isDraining)
    }
}
