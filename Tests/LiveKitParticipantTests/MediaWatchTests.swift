import Testing
import Wire

@testable import LiveKitParticipant

@Suite("Media while signalling is away")
struct MediaWatchTests {
    private func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func look(_ watch: inout MediaWatch, _ lastArrival: Instant?, _ now: Instant) -> Bool? {
        watch.update(lastArrival: lastArrival, now: now)
    }

    @Test("flows from the first sign of life after the loss until nothing has come for two seconds, and again")
    func signs() {
        var watch = MediaWatch()
        #expect(look(&watch, at(990), at(1000)) == nil)
        watch.begin(now: at(1000))
        #expect(look(&watch, at(990), at(1020)) == nil)
        #expect(look(&watch, at(1030), at(1040)) == true)
        #expect(look(&watch, at(2500), at(4000)) == nil)
        #expect(look(&watch, at(2500), at(4500)) == false)
        #expect(look(&watch, at(2500), at(9000)) == nil)
        #expect(look(&watch, at(9010), at(9020)) == true)
        let flowed = watch.end()
        #expect(flowed && !watch.isWatching)
    }

    @Test("does not flow on a path on which nothing came, nor where there is no session")
    func dead() {
        var watch = MediaWatch()
        watch.begin(now: at(1000))
        #expect(look(&watch, nil, at(5000)) == nil)
        let flowed = watch.end()
        #expect(!flowed)
        #expect(look(&watch, at(6000), at(6010)) == nil)
    }
}
