internal import Wire

/// What one operation may cost, as it is checked in.
struct Threshold {
    var instructions: Double
    var allocations: Double
}

/// The table in `thresholds.json`.
struct Thresholds {
    var entries: [String: Threshold] = [:]

    init() {}

    init(file: String) throws {
        let json = try JSONValue(parsing: try TextFile.read(file))
        for member in json.object?.members ?? [] {
            guard let instructions = member.value["instructions"]?.double,
                let allocations = member.value["allocations"]?.double
            else { continue }
            entries[member.key] = Threshold(instructions: instructions, allocations: allocations)
        }
    }

    /// The table as JSON, one benchmark a line.
    var text: String {
        let lines = entries.sorted { $0.key < $1.key }.map { name, entry in
            "  \"\(name)\": {\"instructions\": \(Int(entry.instructions)), \"allocations\": \(Table.number(entry.allocations))}"
        }
        return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
    }
}

/// Numbers for people.
enum Table {
    /// Whole numbers without a point, others with two digits behind it.
    static func number(_ value: Double) -> String {
        if value == value.rounded() { return String(Int(value)) }
        return String((value * 100).rounded() / 100)
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
