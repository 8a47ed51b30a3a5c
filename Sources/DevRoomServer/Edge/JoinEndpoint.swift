internal import HTTP
internal import Observability
internal import Signalling
internal import WebSocket
internal import Wire

/// `/rtc` and `/rtc/v1`: checks whether a client may join, and lets it in (docs/livekit-protocol.md#signalling).
struct JoinEndpoint {
    /// Longest room name, identity and display name, in characters.
    static let maximumNameLength = 256

    let hub: RoomHub
    let authentication: ServerAuthentication

    /// A request that may join.
    private struct Admission {
        var token: AccessToken
        var request: JoinRequest
        var isOnePeerConnection: Bool
        var join: ParticipantJoin
    }

    /// Why a request may not join, as an HTTP answer says it.
    private struct Refusal: Error {
        let status: Int
        let reason: String
    }

    /// The same checks as a join, without joining.
    func validate(_ request: HTTPRequest) -> HTTPResponse {
        do throws(Refusal) {
            _ = try admit(request)
            return .text(200, "success")
        } catch {
            return .text(error.status, error.reason)
        }
    }

    /// Lets a client in, or back in. The join is complete before the upgrade, so that refusals are HTTP statuses.
    func upgrade(_ request: HTTPRequest, _ upgrade: WebSocketUpgrade) {
        let admission: Admission
        do throws(Refusal) {
            admission = try admit(request)
        } catch {
            hub.environment.log.info("join refused", ["reason": error.reason, "status": error.status])
            return upgrade.reject(.text(error.status, error.reason))
        }
        let session = SignalSession(log: hub.environment.log)
        if admission.request.reconnect {
            resume(admission, session)
        } else if let refusal = join(admission, session) {
            return upgrade.reject(.text(refusal.status, refusal.reason))
        }
        session.opened(upgrade.accept(session, configuration: SignalSession.configuration))
    }

    private func join(_ admission: Admission, _ session: SignalSession) -> Refusal? {
        let configuration = admission.token.roomConfig ?? RoomConfiguration()
        guard let host = hub.room(admission.token.video.room, configuration: configuration) else {
            return Refusal(status: 503, reason: "too many rooms")
        }
        let tokens = TokenRefresher(token: admission.token, secret: authentication.secret(for: admission.token))
        var participant: NetworkParticipant?
        do throws(RoomJoinError) {
            _ = try host.join(admission.join) { sid in
                let made = NetworkParticipant(
                    sid: sid, request: admission.join, host: host, environment: hub.environment, session: session,
                    tokens: tokens)
                participant = made
                return made
            }
        } catch {
            return Refusal(status: 500, reason: "could not join the room: \(error)")
        }
        guard let participant else { return nil }
        participant.begin()
        // What comes with the request is handled as if it had been signalled right after the join.
        for request in admission.request.addTrackRequests {
            participant.signal(session, received: .addTrack(request))
        }
        if let offer = admission.request.publisherOffer { participant.signal(session, received: .offer(offer)) }
        return nil
    }

    private func resume(_ admission: Admission, _ session: SignalSession) {
        let known = hub.rooms[admission.token.video.room]?.member(identity: admission.join.identity)
        guard let participant = known as? NetworkParticipant else {
            // After a restart of the server nobody is known: the client starts afresh.
            session.send(
                .leave(
                    .with {
                        $0.canReconnect = true
                        $0.reason = .stateMismatch
                        $0.action = .reconnect
                    }))
            return session.close()
        }
        participant.resume(session)
    }

    // MARK: Checks

    private func admit(_ request: HTTPRequest) throws(Refusal) -> Admission {
        let token: AccessToken
        do throws(Unauthorized) {
            token = try authentication.token(of: request, now: hub.environment.time.unixSeconds)
        } catch {
            throw Refusal(status: 401, reason: error.reason)
        }
        guard token.video.roomJoin else {
            throw Refusal(status: 401, reason: "permissions denied: the token does not allow to join a room")
        }
        guard !token.video.room.isEmpty else { throw Refusal(status: 400, reason: "no room name in the token") }
        guard !token.identity.isEmpty else { throw Refusal(status: 400, reason: "identity cannot be empty") }
        for (what, text) in [("room name", token.video.room), ("identity", token.identity), ("name", token.name)]
        where text.count > Self.maximumNameLength {
            throw Refusal(status: 400, reason: "\(what) exceeds \(Self.maximumNameLength) characters")
        }
        let (parameters, isOnePeerConnection) = try parameters(of: request)
        let mayDescribeItself = token.video.canUpdateOwnMetadata ?? false
        guard mayDescribeItself || (parameters.metadata.isEmpty && parameters.participantAttributes.isEmpty) else {
            throw Refusal(status: 401, reason: "permissions denied: the token does not allow to set metadata")
        }
        var join = ParticipantJoin(identity: token.identity)
        join.name = token.name
        join.metadata = parameters.metadata.isEmpty ? token.metadata : parameters.metadata
        join.attributes = token.attributes.merging(parameters.participantAttributes) { _, own in own }
        join.kind = token.kind
        join.permission = token.video.permission
        join.client = parameters.clientInfo ?? ClientInfo()
        join.subscribesAutomatically = parameters.connectionSettings?.autoSubscribe ?? false
        join.transport = isOnePeerConnection ? .onePeerConnection : .twoPeerConnections
        return Admission(token: token, request: parameters, isOnePeerConnection: isOnePeerConnection, join: join)
    }

    /// The presence of `join_request` decides, not the path.
    private func parameters(of request: HTTPRequest) throws(Refusal) -> (JoinRequest, Bool) {
        guard let encoded = request.query["join_request"] else {
            guard !request.path.hasPrefix("/rtc/v1") else {
                throw Refusal(status: 400, reason: "missing join_request")
            }
            return (JoinParameters.decode(request.query), false)
        }
        do throws(JoinParameters.Failure) {
            return (try JoinParameters.decode(encoded), true)
        } catch {
            throw Refusal(status: 400, reason: "\(error)")
        }
    }
}
