import Testing
import Wire

@testable import VoiceGateway

@Suite("When calls are asked to move")
struct MoveScheduleTests {
    private let begin = Instant.zero + .seconds(100)

    private func calls(_ count: Int) -> [String] { (0..<count).map { "call-\($0)" } }

    /// When each call was asked, each of which moves.
    private func times(_ schedule: MoveSchedule) -> [Duration] {
        var (schedule, times, now) = (schedule, [Duration](), begin)
        while true {
            while schedule.next(now: now) != nil {
                times.append(now - begin)
                schedule.noteAsked(now: now)
            }
            guard let next = schedule.nextDeadline else { return times }
            now = next
        }
    }

    @Test("twenty a second are asked one by one, the first at once")
    func rate() {
        let schedule = MoveSchedule(calls: calls(4), perSecond: 20, now: begin, end: begin + .seconds(60))
        #expect(times(schedule) == [.zero, .milliseconds(50), .milliseconds(100), .milliseconds(150)])
    }

    @Test("where the time is short, all are asked in its first half")
    func shortTime() throws {
        let schedule = MoveSchedule(calls: calls(1000), perSecond: 20, now: begin, end: begin + .seconds(10))
        let asked = times(schedule)
        #expect(asked.count == 1000)
        let last = try #require(asked.last)
        #expect(last < .seconds(5))
    }

    @Test("a call that cannot move costs the others no time")
    func cannotMove() {
        var schedule = MoveSchedule(calls: calls(3), perSecond: 20, now: begin, end: begin + .seconds(60))
        #expect(schedule.next(now: begin) != nil)
        #expect(schedule.next(now: begin) != nil)
        schedule.noteAsked(now: begin)
        #expect(schedule.next(now: begin) == nil && schedule.nextDeadline == begin + .milliseconds(50))
    }

    @Test("who has been asked already is not asked again")
    func removed() {
        var schedule = MoveSchedule(calls: calls(1), perSecond: 20, now: begin, end: begin + .seconds(60))
        schedule.remove("call-0")
        #expect(schedule.nextDeadline == nil && schedule.next(now: begin) == nil)
    }

    @Test("a gateway without time left asks all at once")
    func noTime() {
        let schedule = MoveSchedule(calls: calls(3), perSecond: 20, now: begin, end: begin - .seconds(1))
        #expect(times(schedule) == [.zero, .zero, .zero])
    }
}
