/// Calls as a table that fits a terminal. Pure: rows and sizes in, lines out.
package struct CallTable: Sendable {
    private static let gap = "  "

    package let sort: CallColumn
    package let isReversed: Bool

    package init(sort: CallColumn, isReversed: Bool = false) {
        self.sort = sort
        self.isReversed = isReversed
    }

    /// The title line and a line for each call.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; nil for as wide as it gets.
    ///   - height: lines; nil for all calls. The last says how many calls there are besides.
    package func lines(_ rows: [CallRow], width: Int?, height: Int?) -> [String] {
        var sorted = rows.sorted(by: precedes)
        var left = 0
        if let height, sorted.count + 1 > height {
            left = sorted.count - max(0, height - 2)
            sorted.removeLast(left)
        }
        var columns = CallColumn.allCases
        var cells = Self.cells(sorted, columns)
        var widths = Self.widths(cells, columns)
        if let width {
            while Self.total(Self.least(widths, columns)) > width, let victim = Self.victim(columns, keeping: sort) {
                columns.remove(at: victim)
                widths.remove(at: victim)
                for row in cells.indices { cells[row].remove(at: victim) }
            }
            Self.shrink(&widths, columns, to: width)
        }
        var lines = cells.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                if index > 0 { line += Self.gap }
                line += TerminalText.fitted(cell, to: widths[index], isToTheRight: columns[index].isNumber)
            }
            return TerminalText.fitted(line, to: width ?? .max, pads: false)
        }
        if left > 0 { lines.append("… and \(left) more") }
        return lines
    }

    /// Equal ones keep an order, so that lines do not jump.
    private func precedes(_ one: CallRow, _ other: CallRow) -> Bool {
        let (first, second) = isReversed ? (other, one) : (one, other)
        if sort.puts(first, before: second) { return true }
        if sort.puts(second, before: first) { return false }
        return (one.room, one.session) < (other.room, other.session)
    }

    private static func cells(_ rows: [CallRow], _ columns: [CallColumn]) -> [[String]] {
        [columns.map(\.title)] + rows.map { row in columns.map { $0.text(of: row) } }
    }

    private static func widths(_ cells: [[String]], _ columns: [CallColumn]) -> [Int] {
        columns.indices.map { column in cells.map { TerminalText.width($0[column]) }.max() ?? 0 }
    }

    private static func least(_ widths: [Int], _ columns: [CallColumn]) -> [Int] {
        zip(widths, columns).map { $1.isNumber ? $0 : min($0, $1.leastWidth) }
    }

    private static func total(_ widths: [Int]) -> Int {
        widths.reduce(0, +) + gap.count * max(0, widths.count - 1)
    }

    private static func victim(_ columns: [CallColumn], keeping sort: CallColumn) -> Int? {
        let candidates = columns.indices.filter { columns[$0] != sort && columns[$0].dispensability != nil }
        return candidates.max { (columns[$0].dispensability ?? 0) < (columns[$1].dispensability ?? 0) }
    }

    /// Takes from the widest texts until all fit.
    private static func shrink(_ widths: inout [Int], _ columns: [CallColumn], to width: Int) {
        while total(widths) > width {
            let texts = columns.indices.filter { !columns[$0].isNumber && widths[$0] > columns[$0].leastWidth }
            guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
        }
    }
}
