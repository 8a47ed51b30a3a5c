internal import Bridge
internal import ClientProtocol
internal import LiveKitParticipant
internal import Signalling

/// What one caller may choose for its session. Belongs to the loop of the session.
final class CallerPolicy: SessionPolicy {
    private let caller: Caller
    private let admission: Admission
    private let tokens: AccessTokens
    private let api: ServerAPI
    /// Nil where each gateway counts by itself.
    private let fleet: FleetLimits?
    /// Whether somebody else may know the room.
    private var hasKnownRoom = true

    init(_ caller: Caller, admission: Admission, tokens: AccessTokens, api: ServerAPI, fleet: FleetLimits?) {
        self.fleet = fleet
        self.caller = caller
        self.admission = admission
        self.tokens = tokens
        self.api = api
    }

    var refusesDuplicates: Bool { admission.access.duplicateIdentity == .refuse }

    var claimsOwnRooms: Bool { fleet?.wishes(caller, nil).isEmpty == false }

    func examine(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? {
        hasKnownRoom = parameters.room != nil || parameters.accessToken != nil
        do throws(SessionRefusal) {
            let bearer = try bearer(parameters)
            try checkAgent(parameters, bearer)
            return bearer
        } catch {
            note(error)
            throw error
        }
    }

    func note(_ refusal: SessionRefusal) { admission.note(refusal, caller.address) }

    private func bearer(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? {
        guard let token = parameters.accessToken else {
            try caller.checkCertificate(names: parameters.identity)
            // What a device is and where it goes, the operator has said.
            if caller.device != nil { return nil }
            // Who came in by a token must keep one.
            if admission.access.requiresKey, caller.key == nil, !caller.isSigned {
                throw SessionRefusal(AdmissionRefusal.missingKey.clientError, .unauthorized)
            }
            try checkClientSecret(names: parameters)
            try check("room", parameters.room, admission.access.allowsClientRooms, "ALLOW_CLIENT_ROOMS")
            try check(
                "identity", parameters.identity,
                admission.access.allowsClientIdentities || caller.certified != nil, "ALLOW_CLIENT_IDENTITIES")
            return nil
        }
        let bearer = try tokens.bearer(of: token)
        try agrees("room", parameters.room, bearer.room)
        try agrees("identity", parameters.identity, bearer.identity)
        try caller.checkCertificate(names: bearer.identity)
        return bearer
    }

    /// Who has a client secret may not go where others are: it is given to pages.
    private func checkClientSecret(names parameters: SessionParameters) throws(SessionRefusal) {
        guard caller.hasClientSecret else { return }
        for (name, value) in [("room", parameters.room), ("identity", parameters.identity)] {
            guard let value else { continue }
            throw SessionRefusal(
                InvalidParameter(
                    name: name, value: value, allowed: "nothing with a client secret; an access token may name it"))
        }
    }

    private func check(
        _ name: String, _ value: String?, _ isAllowed: Bool, _ setting: String
    ) throws(SessionRefusal) {
        guard let value, !isAllowed else { return }
        throw SessionRefusal(
            InvalidParameter(
                name: name, value: value,
                allowed: "nothing, this server chooses it; an access token may name it (\(setting) is false)"))
    }

    private func agrees(_ name: String, _ value: String?, _ itsValue: String) throws(SessionRefusal) {
        guard let value, value != itsValue else { return }
        throw SessionRefusal(
            InvalidParameter(name: name, value: value, allowed: "\"\(itsValue)\", for which the access token is"))
    }

    /// A token brings its own agents; beyond those its bearer has no more choice than others.
    private func checkAgent(_ parameters: SessionParameters, _ bearer: TokenBearer?) throws(SessionRefusal) {
        guard let agent = parameters.agent, !admission.access.allowedAgents.allows(agent) else { return }
        if let device = caller.device, device.agent == agent { return }
        if let bearer, agent.isEmpty || bearer.agents.contains(where: { $0.name == agent }) { return }
        throw SessionRefusal(
            InvalidParameter(name: "agent", value: agent, allowed: "\(admission.access.allowedAgents) (ALLOWED_AGENTS)")
        )
    }

    // MARK: Identities

    func claim(
        _ identity: String, in room: String,
        completion: @escaping (Result<any IdentityRight, SessionRefusal>) -> Void
    ) {
        guard let fleet else {
            return claimInRoom(identity, room) { completion($0.map { $0 as any IdentityRight }) }
        }
        let isChecked = refusesDuplicates && hasKnownRoom
        let member = isChecked ? IdentityClaims.Member(room: room, identity: identity) : nil
        fleet.fleet.hold(fleet.wishes(caller, member), on: fleet.loop) { [self] decision in
            switch decision {
            case .refused(let field):
                guard let refusal = FleetLimits.refusal(field) else {
                    return completion(.failure(duplicate(identity, room)))
                }
                _ = admission.refused(refusal, caller.address)
                completion(.failure(SessionRefusal(refusal.clientError, refusal.closingReason)))
            case .granted(let hold):
                guard isChecked else { return completion(.success(FleetRight(hold))) }
                claimInRoom(identity, room) { completion($0.map { FleetRight(hold, $0) }) }
            }
        }
    }

    /// First among the clients of this process, then among all who are in the room by other ways.
    private func claimInRoom(
        _ identity: String, _ room: String,
        completion: @escaping (Result<IdentityClaims.Claim, SessionRefusal>) -> Void
    ) {
        guard let claim = admission.identities.claim(identity, in: room) else {
            return completion(.failure(duplicate(identity, room)))
        }
        api.send(.getParticipant(identity, in: room)) { [self] result in
            switch result {
            case .success(let participant) where participant.state != .disconnected:
                completion(.failure(duplicate(identity, room)))
            case .success: completion(.success(claim))
            case .failure(let error) where error.code == .notFound: completion(.success(claim))
            case .failure(let error): completion(.failure(SessionRefusal(unanswered: error)))
            }
        }
    }

    private func duplicate(_ identity: String, _ room: String) -> SessionRefusal {
        let shown = InvalidParameter(
            name: "identity", value: identity, allowed: "one that nobody has in this room at the moment")
        let refusal = SessionRefusal(
            ClientError(.duplicateIdentity, shown.clientError.message, isRetryable: true), .duplicateIdentity)
        admission.note(refusal, caller.address)
        return refusal
    }
}

extension SessionRefusal {
    /// Who is in the room cannot be found out.
    init(unanswered error: ServerAPIError) {
        let what = "the room server cannot be asked who is in the room"
        self.init(ClientError(.roomUnavailable, what, error.failure), .roomUnavailable)
    }
}

/// An identity in a room, and what the fleet has granted with it.
final class FleetRight: IdentityRight {
    let replacesCaller: Bool
    private let hold: Fleet.Hold
    private let right: (any IdentityRight)?

    init(_ hold: Fleet.Hold, _ right: (any IdentityRight)? = nil) {
        replacesCaller = right?.replacesCaller ?? false
        self.hold = hold
        self.right = right
    }
}
