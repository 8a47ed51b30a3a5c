import Signalling
import Wire

/// Answers the interop tests line by line: `COMMAND MessageName ARGUMENT` in, the result or `error …` out.
/// - `decode Name HEX`: decodes and encodes again, as hex
/// - `json Name HEX`: decodes and writes JSON as a server answers it
/// - `compact Name HEX`: decodes and writes JSON as tokens carry it
/// - `parse Name JSON`: reads JSON and encodes, as hex
/// - `mint SECRET JSON`: mints an access token from its own claims in JSON
/// - `verify SECRET TOKEN`: verifies an access token at the time in its `nbf` and gives the claims as JSON
@main
struct ProtobufProbe {
    static func main() {
        while let line = readLine() {
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            print(parts.count == 3 ? answer(parts[0], parts[1], parts[2]) : "error three words are needed")
            flush()
        }
    }

    static func answer(_ command: String, _ name: String, _ argument: String) -> String {
        if command == "mint" || command == "verify" { return TokenProbe.answer(command, secret: name, argument) }
        guard let type = catalogue[name] else { return "error unknown message \(name)" }
        do {
            switch command {
            case "decode": return hex(try message(type, argument).encoded())
            case "json": return try message(type, argument).json(.serverAnswer).serialized()
            case "compact": return try message(type, argument).json(.compact).serialized()
            case "parse": return hex(try type.init(json: try JSONValue(parsing: argument)).encoded())
            default: return "error unknown command \(command)"
            }
        } catch {
            return "error \(error)"
        }
    }

    static func message(_ type: any ProtobufMessage.Type, _ argument: String) throws -> any ProtobufMessage {
        try type.init(decoding: bytes(argument))
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
    }
}
