internal import Wire

/// An ICE candidate in the JSON form of browsers, the text inside a `TrickleRequest`
/// (docs/livekit-protocol.md#candidates).
package struct CandidateInit: Hashable, Sendable {
    /// Characters of a candidate that are looked at.
    package static let maximumSize = 4096

    /// The attribute's text, `candidate:…`; empty means that no more will come.
    package var candidate: String
    package var sdpMid: String?
    package var sdpMLineIndex: Int?
    package var usernameFragment: String?

    package init(candidate: String, sdpMid: String? = "0", sdpMLineIndex: Int? = 0, usernameFragment: String? = nil) {
        self.candidate = candidate
        self.sdpMid = sdpMid
        self.sdpMLineIndex = sdpMLineIndex
        self.usernameFragment = usernameFragment
    }

    /// Reads the JSON; nil when it has no candidate or is not JSON at all.
    package init?(json text: String) {
        guard let json = try? JSONValue(parsing: text, maximumDepth: 2, maximumSize: Self.maximumSize),
            let candidate = json["candidate"]?.string
        else { return nil }
        self.init(
            candidate: candidate, sdpMid: json["sdpMid"]?.string,
            sdpMLineIndex: json["sdpMLineIndex"]?.integer.flatMap { Int(exactly: $0) },
            usernameFragment: json["usernameFragment"]?.string)
    }

    /// All four keys, as servers write them. SDKs in Rust insist on the first three being of their type.
    package var json: String {
        let object: JSONObject = [
            "candidate": .string(candidate), "sdpMid": .string(sdpMid ?? "0"),
            "sdpMLineIndex": .integer(Int64(sdpMLineIndex ?? 0)),
            "usernameFragment": usernameFragment.map { .string($0) } ?? .null,
        ]
        return JSONValue.object(object).serialized()
    }
}
