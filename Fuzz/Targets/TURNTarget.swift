internal import PeerConnection
internal import TestSupport
internal import Wire

/// A TURN client and what a server can send it. The input is a script: answers to what it has asked last, with attributes of the
/// input's choice, foreign bytes, datagrams for peers, and time.
enum TURNTarget {
    private static let maximumSteps = 200
    private static let peers = (1...3).map { TransportAddress(ip: .v4(0x0A00_0000 | $0), port: 1) }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let head = input.byte()
        var client = TURNClient(
            username: "u", password: "p", isV6: false, isReliable: head & 1 == 1,
            authentication: TestAuthentication.plain,
            random: SplitMix64(seed: 1))
        var now = Instant.zero
        var asked: [STUNMessage] = []
        var isAllocated = false
        func drain() {
            while let output = client.poll() {
                switch output {
                case .transmit(let bytes):
                    if let message = try? STUNMessage(parsing: bytes.span.bytes), message.messageClass == .request {
                        asked.append(message)
                    }
                case .allocated(let address):
                    check(!isAllocated, "an allocation comes twice")
                    check(!address.ip.isV6 && address.port != 0, "an address that nobody can reach")
                    isAllocated = true
                case .peerRefused, .failed: break
                }
            }
            check(client.nextDeadline == nil || !client.isOver, "a client that is over waits for something")
        }
        func receive(_ bytes: [UInt8]) {
            if case .data(let range, _) = client.receive(bytes.span.bytes, now: now) {
                check(isAllocated && range.upperBound <= bytes.count, "data from beyond the datagram")
            }
        }
        client.start(now: now)
        drain()
        var steps = 0
        while !input.isAtEnd, steps < maximumSteps {
            steps += 1
            let kind = input.byte()
            switch kind & 7 {
            case 0: receive(input.bytes(Int(input.byte())))
            case 1, 2, 3:
                // An answer to one of the last questions, with the right signature or none.
                guard !asked.isEmpty else { break }
                let request = asked[asked.count - 1 - Int(input.byte()) % min(asked.count, 4)]
                let attributes = Self.attributes(&input)
                let answer = STUNMessage(
                    kind & 7 == 1 ? .failure : .success, method: request.method, transactionID: request.transactionID,
                    attributes: attributes)
                let key = MD5.digest(Array("u:r:p".utf8))
                receive(
                    answer.serialized(
                        integrityKey: kind & 8 == 0 ? key : nil, authentication: TestAuthentication.plain))
            case 4: now = now + .milliseconds(Int64(input.byte()) * 1000)
            case 5: receive([0x40, input.byte()] + input.bytes(Int(input.byte())))
            default:
                let datagram = input.bytes(Int(input.byte() & 15))
                if client.wrap(datagram.span.bytes, to: peers[Int(kind >> 3) % peers.count], now: now) {
                    check(client.frame.count == datagram.count + 4, "a frame is not its datagram")
                }
            }
            if let deadline = client.nextDeadline, deadline <= now { client.handleTimeout(now: now) }
            drain()
        }
        client.close(now: now)
        drain()
        check(client.nextDeadline == nil, "a client that was closed waits for something")
    }

    private static func attributes(_ input: inout FuzzInput) -> [STUNAttribute] {
        let chosen = input.byte()
        var attributes: [STUNAttribute] = []
        if chosen & 1 != 0 { attributes.append(.realm("r")) }
        if chosen & 2 != 0 { attributes.append(.nonce(input.bytes(Int(input.byte() & 31)))) }
        if chosen & 4 != 0 {
            attributes.append(.errorCode(STUNErrorCode(code: 300 + Int(input.number16()) % 400, reason: "")))
        }
        if chosen & 8 != 0 {
            attributes.append(
                .xorRelayedAddress(TransportAddress(ip: .v4(UInt32(input.number16())), port: input.number16())))
        }
        if chosen & 16 != 0 { attributes.append(.lifetime(UInt32(input.number16()) << UInt32(input.byte() & 16))) }
        return attributes
    }
}
