internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import Wire

/// Stands before the session of one WebSocket until its client has shown that it may connect: at once by a key or a
/// token in the request, or by its first message. Nothing is made for the client before that.
///
/// Belongs to the loop's thread.
final class ConnectionGate {
    enum Decision {
        /// - Parameter caller: for the session's policy.
        case admitted(Caller)
        case refused(AdmissionRefusal)
        /// The first message decides, or that there is none within `patience`.
        case waiting
    }

    /// Messages that may come before the one that shows who the client is.
    static let maximumOpeningMessages = 4
    /// What the first message may have in bytes: a key or a token, and some text around it. Nobody who is not known yet
    /// makes us keep more.
    static let maximumFirstMessageBytes = 64 << 10

    /// The place among the connections; nil when there was none.
    let place: ConnectionPlaces.Place?
    let address: IPAddress
    private let admission: Admission
    private let loop: EventLoop
    private let key: String?
    /// What the key is, if it is one.
    private let secret: ClientSecret?
    private let certified: Caller.Certified?
    private let hasToken: Bool
    private let standing: DeviceStanding
    private let isResumption: Bool
    private let isSigned: Bool
    private let origin: String?
    private var refusal: AdmissionRefusal?
    /// Messages of the opening that have shown nothing.
    private var messages = 0

    /// - Parameters:
    ///   - isResumption: the request brings the resume token of a session that is there. That is as good as a key, and
    ///     the session has its place already.
    ///   - isContinuation: the request brings the token of a session at another gateway. That is as good as a key.
    ///   - isSigned: a telephone carrier has signed the request. That is as good as a key, too.
    ///   - standing: what the device has shown, in dialects of devices.
    ///   - secret: what stands in place of an API key, if it is one.
    ///   - bearerMayBeKey: an API key may stand where access tokens do.
    init(
        _ request: HTTPRequest, admission: Admission, loop: EventLoop, isResumption: Bool,
        isContinuation: Bool = false, isSigned: Bool = false, standing: DeviceStanding = .notAsked,
        secret: ClientSecret? = nil, bearerMayBeKey: Bool = false
    ) {
        self.admission = admission
        self.loop = loop
        self.isResumption = isResumption
        self.isSigned = isSigned
        address = admission.address(of: request)
        self.standing = standing
        certified = admission.certified(request)
        hasToken = isContinuation || isSigned || AccessTokens.presented(by: request) != nil
        // What has been taken for a token is no key.
        let mayBearKey = bearerMayBeKey && !hasToken && standing.device == nil
        key = admission.presentedKey(of: request) ?? (mayBearKey ? request.bearerToken : nil)
        self.secret = key == nil ? nil : secret
        origin = request.headers["Origin"]
        guard !isResumption else {
            place = nil
            return
        }
        switch admission.open(address) {
        case .success(let place): self.place = place
        case .failure(let refusal):
            place = nil
            self.refusal = refusal
        }
    }

    /// Whether the client has to show who it is by its first message.
    var mustAsk: Bool {
        admission.access.requiresKey && key == nil && !hasToken && !isResumption && standing == .notAsked
    }

    /// How long the first message may take.
    var patience: Duration { admission.keyWait }

    /// The socket is open.
    func open() -> Decision {
        if let refusal { return .refused(refusal) }
        guard admission.allows(origin: origin) else { return refuse(.originNotAllowed) }
        // A device that is not known may still show what others do.
        if standing == .unknown, !hasToken, key == nil || !admission.access.requiresKey { return refuse(.wrongKey) }
        guard mustAsk else {
            return check(key, secret, isOtherwiseKnown: hasToken || isResumption || standing.device != nil)
        }
        guard place?.wait() == true else { return refuse(.rateLimited) }
        return .waiting
    }

    /// A message of a client that has shown nothing before.
    func receive(_ introduction: Introduction) -> Decision {
        messages += 1
        if introduction == .later, messages < Self.maximumOpeningMessages { return .waiting }
        place?.stopWaiting()
        switch introduction {
        case .credential(.apiKey(let key), _): return check(key, admission.clientSecret(in: key))
        case .credential(.accessToken, _): return check(nil, isOtherwiseKnown: true)
        case .later, .nothing: return check(nil)
        }
    }

    /// The client has gone without showing who it is, which counts like a request.
    func hungUp() {
        guard mustAsk, refusal == nil else { return }
        place?.stopWaiting()
        _ = admission.count(Caller(address: address), now: loop.now)
    }

    /// The first message was sound, or there was none in time.
    func giveUp() -> Decision {
        place?.stopWaiting()
        return check(nil)
    }

    /// - Parameters:
    ///   - secret: what the key is, if it is one.
    ///   - isOtherwiseKnown: there is a token, which the session will look at before it does anything.
    private func check(
        _ key: String?, _ secret: ClientSecret? = nil, isOtherwiseKnown: Bool = false
    ) -> Decision {
        let isKeyNeeded = admission.access.requiresKey && !(isOtherwiseKnown && key == nil)
        let verdict: Admission.Verdict
        if let secret {
            verdict = admission.check(secret, address: address, now: loop.now)
        } else if isKeyNeeded {
            verdict = admission.check(apiKey: key, address: address, now: loop.now)
        } else {
            verdict = admission.count(Caller(address: address), now: loop.now)
        }
        switch verdict {
        case .refused(let refusal, _): return .refused(refusal)
        case .admitted(let caller):
            if let key = caller.key, let place, !place.take(key: key) { return refuse(.tooManyForKey) }
            var caller = caller
            caller.device = standing.device
            caller.certified = certified
            caller.isSigned = isSigned
            return .admitted(caller)
        }
    }

    private func refuse(_ refusal: AdmissionRefusal) -> Decision {
        _ = admission.refused(refusal, address)
        return .refused(refusal)
    }
}

/// What a device has shown of who it is.
enum DeviceStanding: Hashable {
    /// Devices need not show anything, or the client is none.
    case notAsked
    case known(KnownDevice)
    /// It has shown no token, or one that does not count.
    case unknown

    var device: KnownDevice? { if case .known(let device) = self { device } else { nil } }
}
