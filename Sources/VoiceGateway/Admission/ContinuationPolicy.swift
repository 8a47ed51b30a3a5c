internal import Bridge
internal import ClientProtocol
internal import LiveKitParticipant
internal import Signalling

/// What a caller may choose whose session began at another gateway: nothing. Its token says who and where it is; the room
/// must still have the caller or an agent, or the session is over. Belongs to the loop of the session.
final class ContinuationPolicy: SessionPolicy {
    private let caller: Caller
    private let claim: SessionClaim
    private let admission: Admission
    private let tokens: AccessTokens
    private let api: ServerAPI
    /// Nil where each gateway counts by itself.
    private let fleet: FleetLimits?

    init(
        _ caller: Caller, _ claim: SessionClaim, admission: Admission, tokens: AccessTokens, api: ServerAPI,
        fleet: FleetLimits?
    ) {
        self.fleet = fleet
        self.caller = caller
        self.claim = claim
        self.admission = admission
        self.tokens = tokens
        self.api = api
    }

    /// The caller's own participant is replaced; what is asked for here is whether the session is still there.
    var refusesDuplicates: Bool { true }

    func note(_ refusal: SessionRefusal) { admission.note(refusal, caller.address) }

    func examine(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? {
        do throws(SessionRefusal) {
            return try bearer(parameters)
        } catch {
            note(error)
            throw error
        }
    }

    private func bearer(_ parameters: SessionParameters) throws(SessionRefusal) -> TokenBearer? {
        try caller.checkCertificate(names: claim.identity)
        guard claim.needsAccessToken else { return nil }
        guard let token = parameters.accessToken else {
            throw SessionRefusal(AdmissionRefusal.missingKey.clientError, .unauthorized)
        }
        let bearer = try tokens.bearer(of: token)
        guard bearer.room == claim.room, bearer.identity == claim.identity else {
            throw SessionRefusal(
                InvalidParameter(
                    name: "access_token", value: "(not shown)",
                    allowed: "a token for the room and the identity of the session"))
        }
        return bearer
    }

    func claim(
        _ identity: String, in room: String,
        completion: @escaping (Result<any IdentityRight, SessionRefusal>) -> Void
    ) {
        guard let right = admission.identities.claim(identity, in: room) else {
            return completion(.failure(Self.expired))
        }
        api.send(.listParticipants(in: room)) { [self] result in
            switch result {
            case .success(let list):
                let isThere = list.participants.contains { $0.identity == identity }
                guard isThere || list.participants.contains(where: { $0.kind == .agent }) else {
                    return completion(.failure(Self.expired))
                }
                completion(.success(counted(Right(right, replacesCaller: isThere), identity, room)))
            case .failure(let error) where error.code == .notFound: completion(.failure(Self.expired))
            case .failure(let error): completion(.failure(SessionRefusal(unanswered: error)))
            }
        }
    }

    /// The call has been let in at the other gateway, which gives back what it held there. Here it is counted, whatever the limit.
    private func counted(_ right: Right, _ identity: String, _ room: String) -> any IdentityRight {
        guard let fleet else { return right }
        let isAlone = admission.access.duplicateIdentity == .refuse
        let member = isAlone ? IdentityClaims.Member(room: room, identity: identity) : nil
        return FleetRight(fleet.fleet.count(fleet.wishes(caller, member).map(\.field)), right)
    }

    private final class Right: IdentityRight {
        let replacesCaller: Bool
        private let right: any IdentityRight

        init(_ right: any IdentityRight, replacesCaller: Bool) {
            self.right = right
            self.replacesCaller = replacesCaller
        }
    }

    /// How clients are told that there is nothing to go on with.
    static let expired = SessionRefusal(
        ClientError(
            .sessionExpired, "this session is over, or never was; connect without \"session\" to begin a new one"),
        .sessionExpired)
}
