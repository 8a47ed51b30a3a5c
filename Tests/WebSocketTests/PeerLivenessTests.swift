import Testing
import Wire

@testable import WebSocket

@Suite("Whether the peer of a WebSocket lives")
struct PeerLivenessTests {
    private let start = Instant(nanoseconds: 0)
    private func at(_ seconds: Int) -> Instant { start + .seconds(seconds) }

    private func make() throws -> PeerLiveness {
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = .seconds(20)
        configuration.pongTimeout = .seconds(15)
        return try #require(PeerLiveness(configuration, now: start))
    }

    @Test("a peer that says nothing is pinged, and given up when it says nothing to that")
    func silence() throws {
        var liveness = try make()
        #expect(liveness.handleTimeout(isDeaf: false, now: at(20)) == .ping(until: at(35)))
        #expect(liveness.handleTimeout(isDeaf: false, now: at(35)) == .giveUp)
    }

    @Test("whoever says something is not pinged until it has been silent for the whole interval")
    func speech() throws {
        var liveness = try make()
        #expect(liveness.noteSign(now: at(12)) == nil)
        #expect(liveness.handleTimeout(isDeaf: false, now: at(20)) == .wait(until: at(32)))
        #expect(liveness.handleTimeout(isDeaf: false, now: at(32)) == .ping(until: at(47)))
    }

    @Test("any sign is an answer to a ping")
    func answer() throws {
        var liveness = try make()
        _ = liveness.handleTimeout(isDeaf: false, now: at(20))
        #expect(liveness.noteSign(now: at(34)) == at(54))
        #expect(liveness.handleTimeout(isDeaf: false, now: at(54)) == .ping(until: at(69)))
    }

    @Test("nothing is concluded while nothing is read")
    func deaf() throws {
        var liveness = try make()
        _ = liveness.handleTimeout(isDeaf: false, now: at(20))
        #expect(liveness.handleTimeout(isDeaf: true, now: at(35)) == .wait(until: at(55)))
        #expect(liveness.handleTimeout(isDeaf: true, now: at(55)) == .wait(until: at(75)))
    }

    @Test("without an interval nobody is pinged")
    func never() {
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = nil
        #expect(PeerLiveness(configuration, now: start) == nil)
    }
}
