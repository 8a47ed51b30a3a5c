import Testing
import Wire

@testable import VoiceGateway

@Suite("Questions to other gateways")
struct FleetInquiriesTests {
    private var inquiries = FleetInquiries()

    private func answer(_ id: String) -> GatewayAnswer {
        GatewayAnswer(
            GatewayAnswer.Gateway(id: id, host: "", pid: 1, version: "", seconds: 0, calls: 0, isDraining: false))
    }

    private mutating func outcomes() -> [FleetInquiries.Outcome] {
        var outcomes: [FleetInquiries.Outcome] = []
        while let (_, outcome) = inquiries.poll() { outcomes.append(outcome) }
        return outcomes
    }

    @Test("a question is over when all have answered whom it has reached, whichever connection is faster")
    mutating func all() {
        inquiries.begin(1, now: .zero)
        inquiries.answered(1, answer("b"))
        #expect(outcomes().isEmpty)
        inquiries.sent(1, receivers: [("a", true), ("b", true)])
        #expect(outcomes().isEmpty)
        inquiries.answered(1, answer("a"))
        #expect(outcomes() == [.answered([answer("a"), answer("b")], silent: [])])
        #expect(inquiries.nextDeadline == nil)
        // Too late, or of nobody's question.
        inquiries.answered(1, answer("a"))
        inquiries.answered(7, answer("a"))
        #expect(outcomes().isEmpty)
    }

    @Test("nobody waits for a gateway that no message reaches, and two seconds for one that says nothing")
    mutating func silent() {
        inquiries.begin(1, now: .zero)
        inquiries.sent(1, receivers: [("dead", false), ("a", true)])
        inquiries.answered(1, answer("a"))
        #expect(outcomes() == [.answered([answer("a")], silent: ["dead"])])
        inquiries.begin(2, now: .zero)
        inquiries.sent(2, receivers: [("a", true), ("mute", true)])
        inquiries.answered(2, answer("a"))
        inquiries.handleTimeout(now: .zero + FleetInquiries.patience - .nanoseconds(1))
        #expect(outcomes().isEmpty && inquiries.nextDeadline == .zero + FleetInquiries.patience)
        inquiries.handleTimeout(now: .zero + FleetInquiries.patience)
        #expect(outcomes() == [.answered([answer("a")], silent: ["mute"])])
    }

    @Test("where there are no others, nobody waits")
    mutating func alone() {
        inquiries.begin(1, now: .zero)
        inquiries.sent(1, receivers: [])
        #expect(outcomes() == [.answered([], silent: [])])
    }

    @Test("a Redis that does not answer is away, by its own word or by its silence")
    mutating func away() {
        inquiries.begin(1, now: .zero)
        inquiries.begin(2, now: .zero)
        inquiries.failed(1)
        #expect(outcomes() == [.away])
        inquiries.handleTimeout(now: .zero + FleetInquiries.patience)
        #expect(outcomes() == [.away] && inquiries.nextDeadline == nil)
    }
}
