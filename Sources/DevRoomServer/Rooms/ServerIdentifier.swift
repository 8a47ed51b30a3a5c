/// Identifiers as LiveKit makes them: a prefix that names the kind and random letters and digits. SDKs refuse other
/// prefixes (docs/livekit-protocol.md#identifiers).
enum ServerIdentifier {
    static let room = "RM_"
    static let participant = "PA_"
    static let track = "TR_"
    static let node = "ND_"
    static let worker = "AW_"
    static let job = "AJ_"
    static let dispatch = "AD_"

    /// Random characters behind the prefix.
    static let randomLength = 12

    private static let alphabet = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")

    static func make(_ prefix: String, using random: inout some RandomNumberGenerator) -> String {
        var text = prefix
        for _ in 0..<randomLength { text.append(alphabet[Int.random(in: alphabet.indices, using: &random)]) }
        return text
    }
}
