internal import RESP

/// Answers of a Redis server.
enum RedisTarget {
    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let pieces = input.pieces()
        let whole = answers([pieces.flatMap { $0 }])
        let split = answers(pieces)
        check(whole.values == split.values && whole.isOver == split.isOver, "pieces are judged unlike the whole")
        for value in whole.values {
            check(depth(of: value) <= RESPParser.maximumDepth + 1, "an answer is deeper than allowed")
        }
    }

    private static func answers(_ pieces: [[UInt8]]) -> (values: [RESPValue], isOver: Bool) {
        var parser = RESPParser()
        var values: [RESPValue] = []
        for piece in pieces {
            parser.append(piece)
            do throws(RESPError) {
                while let value = try parser.next() { values.append(value) }
            } catch {
                return (values, true)
            }
        }
        return (values, false)
    }

    private static func depth(of value: RESPValue) -> Int { 1 + (value.array?.map(depth).max() ?? 0) }
}
