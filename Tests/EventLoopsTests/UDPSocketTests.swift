import EventLoops
import NetworkTestSupport
import Testing
import Wire

@Suite("UDP sockets", .timeLimit(.minutes(1)))
struct UDPSocketTests {
    struct Datagram: Sendable, Equatable {
        let bytes: [UInt8]
        let sender: TransportAddress
    }

    @Test("datagrams of every size arrive whole, from the address they were sent from", arguments: [false, true])
    func roundTrip(isV6: Bool) async throws {
        try await withLoop { loop in
            let received = Expectation<Datagram>()
            let ip: IPAddress = isV6 ? .loopbackV6 : .loopbackV4
            let pair = try await loop.run { () throws(EventLoopError) in
                let receiver = try UDPSocket(loop: loop, bind: TransportAddress(ip: ip, port: 0)) {
                    bytes, sender in
                    received.fulfil(Datagram(bytes: [UInt8](copying: bytes.bytes), sender: sender))
                }
                let sender = try UDPSocket(
                    loop: loop, bind: TransportAddress(ip: ip, port: 0), bufferBytes: 1 << 20)
                return LoopBound((sender, receiver), on: loop)
            }
            for size in [0, 1, 160, 1200, 1500, 9000, 65_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let sender = await loop.run {
                    let (sender, receiver) = pair.value
                    #expect(sender.send(bytes, to: receiver.localAddress) == .sent)
                    return sender.localAddress
                }
                let receivedValue = try await received.next()
                #expect(receivedValue == Datagram(bytes: bytes, sender: sender))
            }
            await loop.run {
                let (sender, receiver) = pair.value
                #expect(sender.statistics.sent == 7)
                #expect(receiver.statistics.received == 7)
                sender.close()
                receiver.close()
                #expect(sender.send([1], to: receiver.localAddress) == .refused)
            }
        }
    }

    @Test("a dual-stack socket talks IPv4 and says so in plain IPv4")
    func dualStack() async throws {
        try await withLoop { loop in
            let received = Expectation<Datagram>()
            let answered = Expectation<Datagram>()
            let pair = try await loop.run { () throws(EventLoopError) in
                let server = try UDPSocket(
                    loop: loop, bind: TransportAddress(ip: .anyV6, port: 0), isDualStack: true)
                server.onDatagram = { [unowned server] bytes, sender in
                    received.fulfil(Datagram(bytes: [UInt8](copying: bytes.bytes), sender: sender))
                    server.send([UInt8](copying: bytes.bytes).reversed(), to: sender)
                }
                let client = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0)) {
                    answered.fulfil(Datagram(bytes: [UInt8](copying: $0.bytes), sender: $1))
                }
                let port = server.localAddress.port
                client.send([1, 2, 3], to: TransportAddress(ip: .loopbackV4, port: port))
                return LoopBound((client, server), on: loop)
            }
            let (clientAddress, port) = await loop.run { (pair.value.0.localAddress, pair.value.1.localAddress.port) }
            let receivedValue = try await received.next()
            #expect(receivedValue == Datagram(bytes: [1, 2, 3], sender: clientAddress))
            let answer = try await answered.next()
            #expect(answer == Datagram(bytes: [3, 2, 1], sender: TransportAddress(ip: .loopbackV4, port: port)))
            await loop.run {
                pair.value.0.close()
                pair.value.1.close()
            }
        }
    }

    @Test("a burst larger than one read arrives in order")
    func burst() async throws {
        try await withLoop { loop in
            let done = Expectation<[UInt8]>()
            let pair = try await loop.run { () throws(EventLoopError) in
                var seen: [UInt8] = []
                let receiver = try UDPSocket(
                    loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0), bufferBytes: 1 << 20
                ) { bytes, _ in
                    seen.append(copying: bytes.bytes)
                    if seen.count == 100 { done.fulfil(seen) }
                }
                let sender = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
                for number in 0..<100 { sender.send([UInt8(number)], to: receiver.localAddress) }
                return LoopBound((sender, receiver), on: loop)
            }
            let doneValue = try await done.next()
            #expect(doneValue == Array(0..<100))
            await loop.run {
                pair.value.0.close()
                pair.value.1.close()
            }
        }
    }

    @Test("a socket closed by its own handler in the middle of a burst hears no more")
    func closedInHandler() async throws {
        try await withLoop { loop in
            let count = Locked(0)
            let done = Expectation<Bool>()
            try await loop.run { () throws(EventLoopError) in
                let receiver = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
                receiver.onDatagram = { [unowned receiver] _, _ in
                    count.withLock { $0 += 1 }
                    receiver.close()
                    done.fulfil(true)
                }
                let sender = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
                for _ in 0..<10 { sender.send([1], to: receiver.localAddress) }
                sender.close()
            }
            _ = try await done.next()
            await loop.run {}
            #expect(count.withLock { $0 } == 1)
        }
    }

    @Test("a taken port, a foreign address and the wrong family are told apart")
    func errors() async throws {
        try await withLoop { loop in
            await loop.run {
                let first: UDPSocket
                do throws(EventLoopError) {
                    first = try UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
                } catch {
                    Issue.record(error)
                    return
                }
                let taken = first.localAddress
                func open(_ address: TransportAddress) throws {
                    _ = try UDPSocket(loop: loop, bind: address)
                }
                #expect(throws: EventLoopError.addressInUse(taken)) { try open(taken) }
                let foreign = TransportAddress(ip: .v4(0xC000_0201), port: 0)
                #expect(throws: EventLoopError.addressNotAvailable(foreign)) { try open(foreign) }
                #expect(first.send([1], to: TransportAddress(ip: .loopbackV6, port: 9)) == .refused)
                #expect(first.send([UInt8](repeating: 0, count: 65_536), to: taken) == .refused)
                #expect(first.statistics.refused == 2)
                first.close()
            }
        }
    }
}
