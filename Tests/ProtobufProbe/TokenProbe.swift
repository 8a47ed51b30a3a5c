import SecureTransport
import Signalling
import Wire

/// Mints and verifies access tokens for the interop tests. Claims travel as flat JSON of our own names.
enum TokenProbe {
    static func answer(_ command: String, secret: String, _ argument: String) -> String {
        do {
            return command == "mint" ? try mint(secret, argument) : try verify(secret, argument)
        } catch {
            return "error \(error)"
        }
    }

    static func mint(_ secret: String, _ argument: String) throws -> String {
        let json = try JSONValue(parsing: argument)
        var token = AccessToken()
        token.key = json["key"]?.string ?? ""
        token.identity = json["identity"]?.string ?? ""
        token.name = json["name"]?.string ?? ""
        token.metadata = json["metadata"]?.string ?? ""
        token.kind = ParticipantInfo.Kind(json: json["kind"] ?? "STANDARD") ?? .standard
        for member in json["attributes"]?.object?.members ?? [] { token.attributes[member.key] = member.value.string }
        token.video = .join(room: json["room"]?.string ?? "")
        token.video.canPublishSources = [.microphone]
        token.roomConfig = .with { $0.agents = [.with { $0.agentName = json["agent"]?.string ?? "" }] }
        token.expiresAt = json["exp"]?.integer ?? 0
        token.notBefore = json["nbf"]?.integer
        return token.signed(secret: secret, .openSSL)
    }

    static func verify(_ secret: String, _ argument: String) throws -> String {
        let now = try AccessToken(unverified: argument).notBefore ?? 0
        let token = try AccessToken(verifying: argument, now: now, .openSSL) { _ in secret }
        let permission = token.video.permission
        let answer: JSONObject = [
            "key": .string(token.key), "identity": .string(token.identity), "name": .string(token.name),
            "metadata": .string(token.metadata), "kind": .string(token.kind.name),
            "attributes": .object(
                JSONObject(
                    members: token.attributes.sorted { $0.key < $1.key }
                        .map { JSONObject.Member(key: $0.key, value: .string($0.value)) })),
            "room": .string(token.video.room), "roomJoin": .bool(token.video.roomJoin),
            "canPublish": .bool(permission.canPublish), "canSubscribe": .bool(permission.canSubscribe),
            "sources": .array(permission.canPublishSources.map { .string($0.name) }),
            "agent": .string(token.roomConfig?.agents.first?.agentName ?? ""), "exp": .integer(token.expiresAt),
        ]
        return JSONValue.object(answer).serialized()
    }
}
