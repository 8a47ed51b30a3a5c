import Testing

@testable import VoiceGateway

@Suite("What gateways count together")
struct FleetLedgerTests {
    private var ledger = FleetLedger()
    private let key = FleetLedger.Wish("key:1", limit: 2)
    private let address = FleetLedger.Wish("address:a", limit: 5)

    private mutating func outputs() -> [FleetLedger.Output] {
        var outputs: [FleetLedger.Output] = []
        while let output = ledger.poll() { outputs.append(output) }
        return outputs
    }

    private mutating func connect() {
        ledger.connected()
        _ = outputs()
        ledger.answered(1, 0)
    }

    @Test("without Redis the numbers of this process decide")
    mutating func alone() {
        for id in 1...3 { ledger.ask(id, [address, key]) }
        #expect(outputs() == [.granted(1), .granted(2), .refused(3, field: "key:1")])
        ledger.release(["address:a", "key:1"])
        ledger.ask(4, [key])
        #expect(outputs() == [.granted(4)])
    }

    @Test("Redis decides about what this process has room for, and what it refuses is not held")
    mutating func together() {
        connect()
        ledger.ask(1, [address, key])
        #expect(outputs() == [.send(.hold([address, key]), number: 2)])
        ledger.answered(2, 0)
        ledger.ask(2, [address, key])
        #expect(outputs() == [.granted(1), .send(.hold([address, key]), number: 3)])
        ledger.answered(3, 2)
        #expect(outputs() == [.refused(2, field: "key:1")] && ledger.count == 2)
        ledger.release(["address:a", "key:1"])
        #expect(outputs() == [.send(.release(["address:a", "key:1"]), number: 4)] && ledger.count == 0)
    }

    @Test("what the process itself has too much of is refused without a question")
    mutating func local() {
        connect()
        for id in 1...3 { ledger.ask(id, [key]) }
        #expect(outputs().last == .refused(3, field: "key:1"))
    }

    @Test("when Redis goes, who waits for it is let in, and when it is back it learns of all that is held")
    mutating func away() {
        connect()
        ledger.ask(1, [key])
        ledger.ask(2, [address])
        _ = outputs()
        ledger.disconnected()
        #expect(outputs() == [.granted(1), .granted(2)])
        // An answer of the old connection is nobody's.
        ledger.answered(2, 1)
        ledger.release(["address:a"])
        #expect(outputs() == [])
        ledger.connected()
        #expect(outputs() == [.send(.replace(["key:1": 1]), number: 4)])
    }

    @Test("a Redis that has forgotten us learns of it again")
    mutating func forgotten() {
        connect()
        ledger.renew()
        ledger.answered(2, 1)
        #expect(outputs() == [.send(.renew, number: 2)])
        ledger.ask(1, [key])
        ledger.answered(3, 0)
        ledger.renew()
        ledger.answered(4, 1)
        #expect(outputs().last == .send(.replace(["key:1": 1]), number: 5))
        ledger.renew()
        ledger.answered(6, 0)
        #expect(outputs() == [.send(.renew, number: 6)])
    }

    @Test("a refusal that comes after everything was told anew is taken back there")
    mutating func crossing() {
        connect()
        ledger.ask(1, [address])
        ledger.answered(2, 0)
        ledger.ask(2, [key])
        ledger.renew()
        ledger.answered(4, 1)
        _ = outputs()
        ledger.answered(3, 1)
        #expect(outputs() == [.send(.release(["key:1"]), number: 6), .refused(2, field: "key:1")])
        #expect(ledger.count == 1)
    }

    @Test("an error of Redis keeps nobody out")
    mutating func errors() {
        connect()
        ledger.ask(1, [key])
        _ = outputs()
        ledger.answered(2, nil)
        #expect(outputs() == [.granted(1)])
        ledger.ask(2, [key])
        _ = outputs()
        ledger.answered(3, 99)
        #expect(outputs() == [.granted(2)])
    }

    @Test("what is only counted is never refused")
    mutating func counted() {
        for id in 1...4 { ledger.ask(id, [FleetLedger.Wish("key:1", limit: nil)]) }
        #expect(outputs() == (1...4).map { .granted($0) })
    }
}
