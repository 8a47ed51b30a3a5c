import EventLoops
import Testing

@testable import VoiceGateway

@Suite("Giving memory back")
struct MemoryKeeperTests {
    @Test("little that was freed is left alone")
    func little() {
        var keeper = MemoryKeeper()
        let isDue = keeper.isDue(freeBytes: ProcessMemory.worthwhile - 1)
        #expect(!isDue)
    }

    @Test("much that was freed is given back, once")
    func much() {
        var keeper = MemoryKeeper()
        let answers = [5 << 20, 5 << 20, 5 << 20 + 1000].map { keeper.isDue(freeBytes: $0) }
        #expect(answers == [true, false, false])
    }

    @Test("where much is free, what comes and goes in a large gateway is no reason")
    func large() {
        var keeper = MemoryKeeper()
        let answers = [100 << 20, 90 << 20, 110 << 20, 130 << 20].map { keeper.isDue(freeBytes: $0) }
        #expect(answers == [true, false, false, true])
    }

    @Test("what was used up and freed again counts anew")
    func again() {
        var keeper = MemoryKeeper()
        let answers = [5 << 20, 1 << 20, 5 << 20].map { keeper.isDue(freeBytes: $0) }
        #expect(answers == [true, true, true])
    }
}
