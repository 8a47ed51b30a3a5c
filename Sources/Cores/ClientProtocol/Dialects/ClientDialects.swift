/// The dialects that the gateway speaks. Paths, descriptions, the table in the docs, fuzz targets and benchmarks derive
/// from this list.
package enum ClientDialects {
    package static let all: [any ClientDialect.Type] = [
        DeviceDialect.self,
        ConversationDialect.self,
        CarrierDialect<Twilio>.self,
        CarrierDialect<Telnyx>.self,
        CarrierDialect<Plivo>.self,
        CarrierDialect<Exotel>.self,
        CarrierDialect<Awaaz>.self,
        CarrierDialect<Vonage>.self,
        XiaozhiDialect.self,
        OpenAIRealtimeDialect.self,
    ]

    /// The one of clients that a backend sends here (`POST /session`): they speak JSON, since they are what a switch
    /// between LiveKit and WebSocket has on its other side.
    package static let ofSessions: DialectDescriptor = ConversationDialect.descriptor

    /// The one whose calls `POST /twilio/voice` connects.
    package static let ofTwilio: DialectDescriptor = CarrierDialect<Twilio>.descriptor

    /// Those of carriers that may sign, too.
    package static let ofPlivo: DialectDescriptor = CarrierDialect<Plivo>.descriptor
    package static let ofVonage: DialectDescriptor = CarrierDialect<Vonage>.descriptor

    package static let descriptors: [DialectDescriptor] = all.map { $0.descriptor }

    /// By path.
    package static let paths: [String: any ClientDialect.Type] = Dictionary(
        all.flatMap { dialect in dialect.descriptor.paths.map { ($0, dialect) } },
        uniquingKeysWith: { first, _ in first }
    )

    /// The dialect of a URL's path, in front of which a proxy may have put something.
    package static func dialect(atEndOf path: String) -> any ClientDialect.Type {
        let known = paths.keys.filter(path.hasSuffix).max { $0.utf8.count < $1.utf8.count }
        return known.flatMap { paths[$0] } ?? DeviceDialect.self
    }

    /// What docs/client-protocol.md shows.
    package static var table: String {
        let code = { (words: [String]) in words.map { "`\($0)`" }.joined(separator: ", ") }
        var rows = [["path", "clients", "sound", "credential", "subprotocols", "can be resumed"]]
        rows.append(rows[0].map { _ in "---" })
        for dialect in descriptors {
            let text = dialect.documentation
            rows.append([
                code(dialect.paths), text.clients, text.sound, text.credential,
                dialect.subprotocols.isEmpty ? "none" : code(dialect.subprotocols),
                dialect.resumes ? "yes" : "no",
            ])
        }
        return rows.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
