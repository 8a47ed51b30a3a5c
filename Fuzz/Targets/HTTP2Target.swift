internal import HTTP
internal import HTTPClient
internal import Wire

/// What an HTTP/2 server sends while it has three requests to answer: as raw bytes, or as frames whose lengths are right.
enum HTTP2Target {
    private static let maximumBodyBytes = 10_000
    private static let requests = [
        HTTPClientRequest(.get, url("/first")),
        HTTPClientRequest(.post, url("/second"), body: [UInt8](repeating: 1, count: 100)),
        HTTPClientRequest(.post, url("/third"), body: [UInt8](repeating: 3, count: 70_000)),
    ]

    private static func url(_ path: String) -> HTTPURL {
        HTTPURL(origin: HTTPOrigin(isSecure: true, host: "localhost", port: 443), target: path)
    }

    /// An empty SETTINGS frame, without which no answer counts.
    private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let isRaw = input.byte() & 1 == 1
        let pieceSeed = input.byte()
        let stream = isRaw ? input.remaining() : settings + frames(&input)
        var pieces = FuzzInput([pieceSeed] + stream)
        guard let whole = answers([stream]), let split = answers(pieces.pieces()) else { return }
        check(whole == split, "pieces of what a server sends are judged unlike the whole")
    }

    private static func frames(_ input: inout FuzzInput) -> [UInt8] {
        var bytes: [UInt8] = []
        while !input.isAtEnd {
            let type = input.byte() & 0x0F
            let flags = input.byte()
            let stream = input.byte()
            let payload = input.bytes(Int(input.number16() & 0x3FFF))
            bytes += [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), type, flags, 0, 0, 0, stream]
            bytes += payload
        }
        return bytes
    }

    /// The answers that the requests got; nil when the connection broke, which may happen before or after an answer that
    /// is complete. Why there is no answer may depend on what the server had been sent by then.
    private static func answers(_ pieces: [[UInt8]]) -> [Int32: HTTPResponse]? {
        guard let session = HTTP2Session(maximumBodyBytes: maximumBodyBytes) else { return nil }
        var waiting: Set<Int32> = []
        for request in requests {
            guard let stream = session.submit(request) else { return nil }
            waiting.insert(stream)
        }
        var answers: [Int32: HTTPResponse] = [:]
        func drain() {
            while !session.takeBytes(atMost: 16_384).isEmpty {}
            while let event = session.poll() {
                switch event {
                case .answered(let stream, let response):
                    check(waiting.remove(stream) != nil, "a request is answered twice")
                    check(response.body.count <= maximumBodyBytes, "a body is larger than allowed")
                    check((200..<600).contains(response.status), "a response without a final status")
                    answers[stream] = response
                case .failed(let stream, _): check(waiting.remove(stream) != nil, "a request fails after its end")
                case .goingAway: break
                }
            }
        }
        drain()
        for piece in pieces {
            session.receive(piece.span.bytes)
            drain()
        }
        let isBroken = session.violation != nil
        for stream in waiting.sorted() { session.cancel(stream) }
        session.close()
        drain()
        return isBroken ? nil : answers
    }
}
