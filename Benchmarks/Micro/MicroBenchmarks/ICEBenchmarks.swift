internal import PeerConnection
internal import SecureTransport
internal import Wire

/// STUN, which every connection exchanges for as long as it lives.
var iceBenchmarks: [Benchmark] {
    let key = Array("asd88fgpdd777uzjYhagZg".utf8)
    let request = STUNMessage(
        .request, transactionID: STUNTransactionID(high: 0x1234_5678, low: 0x9ABC_DEF0_1122_3344),
        attributes: [
            .username("EvtjABCDEFGHijkl:h6vYmnop"), .priority(1_845_501_695), .iceControlled(0x932F_F9B1_5126_3B36),
        ])
    let datagram = request.serialized(integrityKey: key, authentication: .openSSL)
    return [
        Benchmark("stun.write") { { keep(request.serialized(integrityKey: key, authentication: .openSSL).count) } },
        Benchmark("stun.parse") { { keep((try? STUNMessage(parsing: datagram.span.bytes))?.attributes.count ?? 0) } },
        Benchmark("stun.parse.check") {
            {
                guard let message = try? STUNMessage(parsing: datagram.span.bytes) else { return }
                keep(
                    message.hasValidIntegrity(in: datagram.span.bytes, key: key, authentication: .openSSL) ? 1 : 0)
            }
        },
    ]
}
