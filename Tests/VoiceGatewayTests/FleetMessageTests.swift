import Testing
import Wire

@testable import VoiceGateway

@Suite("Messages among gateways")
struct FleetMessageTests {
    private static let now: Int64 = 1_800_000_000

    static let questions: [OperatorQuestion] = [
        .calls(after: 0, limit: 1, CallFilter(room: "r", identity: "i", agent: "", id: "s")),
        .calls(after: 9_007_199_254_740_991, limit: AdminRoutes.maximumLimit + 1, CallFilter()),
        .perform(.end, id: "s"), .perform(.text("\"é\n"), id: "s"), .perform(.interrupt, id: "s"), .state, .drain,
        .undrain,
    ]

    private static func answer() -> GatewayAnswer {
        var answer = GatewayAnswer(
            GatewayAnswer.Gateway(
                id: "b", host: "h", pid: 2, version: "1", seconds: 3, calls: 4, isDraining: true))
        answer.calls = [["number": 1], ["number": 2]]
        answer.isDone = false
        return answer
    }

    private static func message(_ content: FleetMessage.Content, to: String? = nil) -> FleetMessage {
        FleetMessage(from: "b", to: to, number: 5, content)
    }

    @Test("each question arrives as it was asked", arguments: questions)
    func question(question: OperatorQuestion) throws {
        var seal = FleetSeal { "secret" }
        let sealed = try #require(seal.seal(Self.message(.question(question), to: "a"), now: Self.now))
        #expect(seal.open(sealed, now: Self.now) == Self.message(.question(question), to: "a"))
    }

    @Test("an answer arrives, and nothing of it can be read on the way")
    func answer() throws {
        var seal = FleetSeal { "secret" }
        let message = Self.message(.answer(Self.answer()))
        let sealed = try #require(seal.seal(message, now: Self.now))
        #expect(!String(decoding: sealed, as: UTF8.self).contains("number"))
        #expect(seal.open(sealed, now: Self.now) == message)
    }

    @Test("who has another secret neither reads nor writes a message, and a changed byte makes it nobody's")
    func strangers() throws {
        var (seal, other) = (FleetSeal { "secret" }, FleetSeal { "another" })
        let sealed = try #require(seal.seal(Self.message(.question(.drain)), now: Self.now))
        #expect(other.open(sealed, now: Self.now) == nil)
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(seal.open(changed, now: Self.now) == nil)
        }
        for length in 0..<sealed.count { #expect(seal.open(Array(sealed.prefix(length)), now: Self.now) == nil) }
        #expect(seal.open(sealed, now: Self.now) != nil)
    }

    @Test("a message counts once, and only within a minute; what is remembered is forgotten then")
    func replays() throws {
        var seal = FleetSeal { "secret" }
        let sealed = try #require(seal.seal(Self.message(.question(.drain)), now: Self.now))
        #expect(seal.open(sealed, now: Self.now - 61) == nil && seal.open(sealed, now: Self.now + 61) == nil)
        #expect(seal.open(sealed, now: Self.now - 60) != nil)
        #expect(seal.open(sealed, now: Self.now) == nil && seal.open(sealed, now: Self.now + 60) == nil)
        #expect(seal.count == 1)
        #expect(seal.open([], now: Self.now + 61) == nil && seal.count == 0)
    }

    @Test(
        "what no gateway of ours writes is nothing",
        arguments: [
            #"{"number":1,"question":{"ask":"state"}}"#, #"{"from":"b","question":{"ask":"state"}}"#,
            #"{"from":"b","number":1}"#, #"{"from":"b","number":1,"question":{"ask":"dance"}}"#,
            #"{"from":"b","number":1,"question":{"ask":"end"}}"#,
            #"{"from":"b","number":1,"question":{"ask":"text","id":"s"}}"#,
            #"{"from":"b","number":1,"question":{"ask":"calls","after":-1,"limit":5}}"#,
            #"{"from":"b","number":1,"question":{"ask":"calls","after":0,"limit":5000}}"#,
            #"{"from":"b","number":1,"answer":{"gateway":{"id":"c","draining":false},"done":true,"calls":[]}}"#,
            #"{"from":"b","number":1,"answer":{"gateway":{"id":"b"},"done":true,"calls":[]}}"#,
        ])
    func malformed(text: String) throws { #expect(FleetMessage(try JSONValue(parsing: text)) == nil) }

    @Test("calls are numbered by the time, and no two alike when it stands still or goes back")
    func numbers() {
        let times: [Int] = [5, 5, 3]
        let clock = Clock(times)
        let numbers = CallNumbers { (clock.next(), 7000) }
        #expect([numbers.next(), numbers.next(), numbers.next()] == [5_000_007, 5_000_008, 5_000_009])
    }

    private final class Clock: @unchecked Sendable {
        private var times: [Int]
        init(_ times: [Int]) { self.times = times }
        func next() -> Int { times.removeFirst() }
    }
}
