import Testing
import VoiceGateway
import Wire

@Suite("Waiting for an agent's reply")
struct ReplyWatchTests {
    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }
    private func watch() -> ReplyWatch { ReplyWatch(patience: .seconds(20), now: at(0)) }

    /// Lets time pass until something is to be done.
    private func next(_ watch: inout ReplyWatch, until: Double = 100) -> (ReplyWatch.Output, at: Double)? {
        while true {
            if let output = watch.poll() { return (output, -1) }
            guard let deadline = watch.nextDeadline, deadline <= at(until) else { return nil }
            watch.handleTimeout(now: deadline)
            if let output = watch.poll() { return (output, Double(deadline.nanoseconds) / 1e9) }
        }
    }

    @Test("an agent that greets is asked nothing")
    func greeting() {
        var watch = watch()
        watch.stateChanged(isReady: false, now: at(0.1))
        #expect(next(&watch, until: 9) == nil)
        watch.hear(now: at(9))
        #expect(watch.poll() == .heard(isGreeting: true, after: .seconds(9)))
        #expect(watch.nextDeadline == nil)
    }

    @Test("one that listens and does not greet is asked two seconds later, and its answer is timed from then on")
    func question() throws {
        var watch = watch()
        watch.stateChanged(isReady: true, now: at(1))
        let (output, time) = try #require(next(&watch))
        #expect(output == .ask && time == 3)
        watch.hear(now: at(4.5))
        #expect(watch.poll() == .heard(isGreeting: false, after: .milliseconds(1500)))
    }

    @Test("one that says nothing of its state is asked after five seconds")
    func stateless() throws {
        var watch = watch()
        let (output, time) = try #require(next(&watch))
        #expect(output == .ask && time == 5)
    }

    @Test("one that never listens is asked in the end, and one that never answers has failed")
    func silent() throws {
        var watch = watch()
        watch.stateChanged(isReady: false, now: at(1))
        let (question, asked) = try #require(next(&watch))
        #expect(question == .ask && asked == 15)
        let (end, ended) = try #require(next(&watch))
        #expect(end == .failed(.everything) && ended == 35)
    }

    @Test("text without sound is no voice; sound that follows the text is")
    func text() throws {
        var mute = watch()
        mute.read(now: at(1))
        let (output, time) = try #require(next(&mute))
        #expect(output == .failed(.sound) && time == 6)
        var speaking = watch()
        speaking.read(now: at(1))
        speaking.hear(now: at(1.4))
        #expect(speaking.poll() == .heard(isGreeting: true, after: .milliseconds(1400)))
    }

    @Test("what happens after the end changes nothing")
    func over() {
        var watch = watch()
        watch.agentLeft()
        watch.hear(now: at(1))
        watch.couldNotAsk("no")
        #expect(watch.poll() == .failed(.agent))
        #expect(watch.poll() == nil)
    }
}
