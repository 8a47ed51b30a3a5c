package import ClientProtocol
internal import Wire

/// What an access token says about its bearer, once it has been verified.
package struct TokenBearer: Hashable, Sendable {
    /// An agent that the server dispatches when the bearer's join makes the room.
    package struct Agent: Hashable, Sendable {
        package var name: String
        package var metadata: String

        package init(name: String, metadata: String = "") {
            self.name = name
            self.metadata = metadata
        }
    }

    package var room: String
    package var identity: String
    package var name: String
    package var agents: [Agent]
    /// Whether the token says how its room is to be made: then nobody may make the room before the bearer joins.
    package var configuresRoom: Bool

    package init(room: String, identity: String, name: String = "", agents: [Agent] = [], configuresRoom: Bool = false)
    {
        self.room = room
        self.identity = identity
        self.name = name
        self.agents = agents
        self.configuresRoom = configuresRoom || !agents.isEmpty
    }
}

/// Why a client may not have what it asks for, and how its connection ends.
package struct SessionRefusal: Error, Hashable, Sendable {
    package var error: ClientError
    package var reason: ClosingReason

    package init(_ error: ClientError, _ reason: ClosingReason) {
        self.error = error
        self.reason = reason
    }

    package init(_ parameter: InvalidParameter) {
        self.init(parameter.clientError, .invalidParameter)
    }

    init(_ failure: AudioCoderFailure) {
        self.init(
            ClientError(.internalError, failure.message, blame: .gateway, isRetryable: true), .internalError)
    }
}

/// The right to an identity in a room, given back when nobody holds it any more.
package protocol IdentityRight: AnyObject {
    /// Whether who has it is in the room already, and is to be replaced there.
    var replacesCaller: Bool { get }
}

extension IdentityRight {
    package var replacesCaller: Bool { false }
}

/// What one client may choose, by what the operator has set and what the client has shown. Belongs to one loop.
package protocol SessionPolicy: AnyObject {
    /// Whether somebody who is in the room already keeps the identity.
    var refusesDuplicates: Bool { get }
    /// Decides about the parameters, whenever they are new and the room has not been joined.
    ///
    /// - Returns: whom the access token names; nil without one.
    func examine(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer?
    /// Whether `claim` is to be asked also where nobody else can know the room: more than identities are limited.
    var claimsOwnRooms: Bool { get }
    /// Asks for an identity that nobody has in the room. The completion may come during the call.
    func claim(
        _ identity: String, in room: String,
        completion: @escaping (Result<any IdentityRight, SessionRefusal>) -> Void)
    /// The session has refused something by itself, which is to be counted like the policy's own refusals.
    func note(_ refusal: SessionRefusal)
}

extension SessionPolicy {
    package func note(_ refusal: SessionRefusal) {}
}

extension SessionPolicy {
    package var claimsOwnRooms: Bool { false }
}
