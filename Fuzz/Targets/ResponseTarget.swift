internal import HTTP
internal import HTTPClient
internal import Wire

/// Answers of HTTP servers.
enum ResponseTarget {
    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let isHead = input.byte() & 1 == 1
        let pieces = input.pieces()
        let whole = response([pieces.flatMap { $0 }], isHead: isHead)
        let split = response(pieces, isHead: isHead)
        check(whole == split, "pieces of a response are judged unlike the whole")
    }

    private static func response(_ pieces: [[UInt8]], isHead: Bool) -> HTTPResponse? {
        var parser = HTTPResponseParser(isHead: isHead, maximumBodyBytes: 10_000)
        do throws(HTTPResponseParser.Failure) {
            for piece in pieces { try parser.receive(piece.span.bytes) }
            if !parser.isComplete { try parser.receiveEnd() }
            return parser.completed
        } catch {
            return nil
        }
    }
}
