/// How far two names are apart, to guess what somebody meant who misspelt one.
package enum EditDistance {
    /// Names of more bytes are compared with nothing: the work grows with the product of the lengths.
    package static let maximumLength = 40

    /// Levenshtein's distance in bytes; `Int.max` when one of the two is too long.
    package static func between(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count <= maximumLength, right.count <= maximumLength else { return .max }
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let change = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
