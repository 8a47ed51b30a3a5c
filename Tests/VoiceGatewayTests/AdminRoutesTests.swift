import Bridge
import ClientProtocol
import HTTP
import Observability
import Testing
import Wire

@testable import VoiceGateway

/// A process that does what the operator says, and remembers it.
private final class FakeOperations: GatewayOperations {
    var asked: [(after: Int, limit: Int, filter: CallFilter)] = []
    var performed: [(command: OperatorCommand, id: String)] = []
    var callsThatAre: Set<String> = ["s1"]
    var callCount = 3
    var logLevel = LogLevel.info
    var isDraining = false
    var isGoing = false

    func calls(after number: Int, limit: Int, _ filter: CallFilter, completion: @escaping ([CallSnapshot]) -> Void) {
        asked.append((number, limit, filter))
        completion([])
    }

    func perform(_ command: OperatorCommand, on id: String, completion: @escaping (Bool) -> Void) {
        performed.append((command, id))
        completion(callsThatAre.contains(id))
    }

    func drain() { isDraining = true }

    func undrain() -> Bool {
        if !isGoing { isDraining = false }
        return !isGoing
    }
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
            (.get, "/log-level"),
        ] {
            #expect(try stage.send(method, "/admin" + path).status == 403)
        }
        #expect(operations.asked.isEmpty && operations.performed.isEmpty && !operations.isDraining)
    }

    @Test("without operations there are no such routes")
    func closed() throws { #expect(try HTTPStage().send(.get, "/admin/calls").status == 404) }

    @Test("a list is asked for with its filters, one call more than the page has, and says how many calls there are")
    func list() throws {
        let answer = try send(.get, "/calls?room=r&identity=a%20b&agent=c&limit=5&after=7")
        #expect(answer.status == 200)
        #expect(answer.json == ["calls": [], "next": nil, "total": 3, "draining": false])
        let asked = try #require(operations.asked.first)
        #expect(asked.after == 7 && asked.limit == 6)
        #expect(asked.filter == CallFilter(room: "r", identity: "a b", agent: "c"))
        _ = try send(.get, "/calls")
        #expect(operations.asked.last?.limit == AdminRoutes.standardLimit + 1 && operations.asked.last?.after == 0)
    }

    @Test(
        "a parameter that cannot be is answered with what is allowed, and nothing is asked",
        arguments: [
            ("limit=0", "limit must be a number from 1 to 1000"),
            ("limit=1001", "limit must be a number from 1 to 1000"),
            ("limit=-1", "limit must be a number from 1 to 1000"), ("limit=", "limit must be a number from 1 to 1000"),
            ("after=x", "after must be the next of an earlier answer"),
            ("after=9999999999999999", "after must be the next of an earlier answer"),
            ("rooms=r", "There is no parameter of that name; there are room, identity, agent, limit and after"),
        ])
    func wrongParameters(query: String, sentence: String) throws {
        let answer = try send(.get, "/calls?" + query)
        #expect(answer.status == 400 && answer.error == sentence && operations.asked.isEmpty)
    }

    @Test("a call is shown, ended, written to and interrupted by its id; one that is not there is 404")
    func commands() throws {
        #expect(try send(.get, "/calls/s9").status == 404)
        #expect(operations.asked.last?.filter == CallFilter(id: "s9") && operations.asked.last?.limit == 1)
        #expect(try send(.delete, "/calls/s1").status == 204)
        #expect(try send(.post, "/calls/s1/interrupt").status == 204)
        #expect(try send(.post, "/calls/s1/text", #"{"text": "hello"}"#).status == 204)
        #expect(operations.performed.map(\.command) == [.end, .interrupt, .text("hello")])
        #expect(operations.performed.allSatisfy { $0.id == "s1" })
        let answer = try send(.delete, "/calls/s2")
        #expect(answer.status == 404 && answer.error == "There is no such call")
    }

    @Test("a text is 1 to 2000 characters in a JSON body, or nothing reaches the agent")
    func texts() throws {
        let longest = String(repeating: "é", count: AdminRoutes.maximumTextLength)
        #expect(try send(.post, "/calls/s1/text", "{\"text\": \"\(longest)\"}").status == 204)
        for body in ["{\"text\": \"\(longest)é\"}", #"{"text": ""}"#, #"{"text": 5}"#, "{}", "text", ""] {
            #expect(try send(.post, "/calls/s1/text", body).status == 400)
        }
        #expect(operations.performed.count == 1)
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
