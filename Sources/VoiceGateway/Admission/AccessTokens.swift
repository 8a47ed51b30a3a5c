internal import Bridge
internal import ClientProtocol
internal import HTTP
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// Verifies the LiveKit access tokens that clients bring. Shared by threads.
struct AccessTokens: Sendable {
    let credentials: APICredentials
    /// Seconds since 1970.
    var unixTime: @Sendable () -> Int64 = UnixClock.seconds

    /// Whom a token lets into which room.
    func bearer(of text: String) throws(SessionRefusal) -> TokenBearer {
        let token: AccessToken
        do throws(AccessTokenError) {
            token = try AccessToken(verifying: text, now: unixTime(), .openSSL) { key in
                key == credentials.key ? credentials.secret : nil
            }
        } catch {
            throw SessionRefusal(ClientError(.unauthorized, "\(error)"), .unauthorized)
        }
        guard token.video.roomJoin else { throw Self.insufficient("does not allow to join a room (roomJoin)") }
        guard !token.video.room.isEmpty else { throw Self.insufficient("names no room") }
        guard !token.identity.isEmpty else { throw Self.insufficient("names no identity (sub)") }
        guard token.video.mayPublishMicrophone else {
            throw Self.insufficient("does not allow to publish a microphone (canPublish, canPublishSources)")
        }
        return TokenBearer(
            room: token.video.room, identity: token.identity, name: token.name,
            agents: (token.roomConfig?.agents ?? []).map { .init(name: $0.agentName, metadata: $0.metadata) },
            configuresRoom: token.roomConfig != nil)
    }

    private static func insufficient(_ what: String) -> SessionRefusal {
        SessionRefusal(ClientError(.notAllowed, "the access token \(what)"), .notAllowed)
    }

    /// The access token that comes with a request: `?access_token=`, or else among the subprotocols, or else
    /// `Authorization: Bearer`. A bearer token that is no LiveKit token is somebody else's affair, such as a proxy's.
    static func presented(by request: HTTPRequest) -> String? {
        if let token = request.query.items.last(where: { $0.name == "access_token" })?.value, !token.isEmpty {
            return token
        }
        if let token = request.offeredSubprotocols.accessToken, token.utf8.count <= SessionParameters.maximumTokenSize {
            return token
        }
        guard let token = request.bearerToken, token.utf8.count <= SessionParameters.maximumTokenSize,
            let claims = try? AccessToken(unverified: token), claims.video != VideoGrant()
        else { return nil }
        return token
    }
}

extension HTTPRequest {
    /// The WebSocket subprotocols that it offers.
    var offeredSubprotocols: OfferedSubprotocols { OfferedSubprotocols(headers.values("Sec-WebSocket-Protocol")) }
}

extension VideoGrant {
    fileprivate var mayPublishMicrophone: Bool {
        canPublish != false && (canPublishSources.isEmpty || canPublishSources.contains(.microphone))
    }
}
