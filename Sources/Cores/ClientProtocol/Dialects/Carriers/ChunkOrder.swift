/// Puts numbered pieces of sound in order. What is missing is waited for while few later pieces wait, and then given up.
struct ChunkOrder: Hashable, Sendable {
    /// Pieces that wait for an earlier one.
    static let maximumWaiting = 4

    /// The number of the piece that is due; nil before the first.
    private var due: Int64?
    private var waiting: [Int64: [UInt8]] = [:]

    /// Takes a piece; returns those that are in order now.
    mutating func take(_ piece: [UInt8], number: Int64) -> [[UInt8]] {
        guard number >= due ?? number else { return [] }
        guard number > due ?? number else { return [piece] + release(from: number) }
        waiting[number] = piece
        guard waiting.count > Self.maximumWaiting, let first = waiting.keys.min(), let piece = waiting[first] else {
            return []
        }
        waiting[first] = nil
        return [piece] + release(from: first)
    }

    /// - Parameter number: of the piece that goes out just now.
    private mutating func release(from number: Int64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var next = number &+ 1
        while let piece = waiting.removeValue(forKey: next) {
            pieces.append(piece)
            next &+= 1
        }
        due = next
        return pieces
    }
}
