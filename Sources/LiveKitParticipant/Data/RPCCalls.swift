package import Signalling
package import Wire

/// The error codes of LiveKit's remote procedure calls (docs/livekit-protocol.md#remote-procedure-calls).
package enum RPCErrorCode: UInt32, Hashable, Sendable {
    case unsupportedMethod = 1400
    case recipientNotFound = 1401
    case requestPayloadTooLarge = 1402
    case unsupportedServer = 1403
    case unsupportedVersion = 1404
    case applicationError = 1500
    case connectionTimeout = 1501
    case responseTimeout = 1502
    case recipientDisconnected = 1503
    case responsePayloadTooLarge = 1504
    case sendFailed = 1505

    /// The error with LiveKit's own words for it.
    package func error(_ message: String? = nil) -> RpcError {
        .with {
            $0.code = rawValue
            $0.message = message ?? words
        }
    }

    private var words: String {
        switch self {
        case .unsupportedMethod: "Method not supported at destination"
        case .recipientNotFound: "Recipient not found"
        case .requestPayloadTooLarge: "Request payload too large"
        case .unsupportedServer: "RPC not supported by server"
        case .unsupportedVersion: "Unsupported RPC version"
        case .applicationError: "Application error in method handler"
        case .connectionTimeout: "Connection timeout"
        case .responseTimeout: "Response timeout"
        case .recipientDisconnected: "Recipient disconnected"
        case .responsePayloadTooLarge: "Response payload too large"
        case .sendFailed: "Failed to send"
        }
    }
}

/// A call that somebody makes to us.
package struct RPCInvocation: Hashable, Sendable {
    package let id: String
    package let callerIdentity: String
    package let method: String
    package let payload: String
    /// How long the caller waits.
    package let timeout: Duration

    package init(id: String, callerIdentity: String, method: String, payload: String, timeout: Duration) {
        self.id = id
        self.callerIdentity = callerIdentity
        self.method = method
        self.payload = payload
        self.timeout = timeout
    }
}

/// How a call ended: the answer, or an error.
package enum RPCResult: Hashable, Sendable {
    case success(String)
    case failure(RpcError)
}

/// Remote procedure calls in both directions, version 1: packets on the reliable channel. We advertise
/// `client_protocol` 0, so that others use version 1 towards us as well. Pure: packets and time in, outputs by `poll`.
package struct RPCCalls: Sendable {
    package static let maximumPayloadBytes = 15_360
    package static let maximumErrorMessageBytes = 256
    package static let maximumRoundTrip = Duration.seconds(7)
    package static let shortestAnnouncedTimeout = Duration.seconds(1)
    /// Calls that may be under way in each direction.
    package static let maximumPendingCalls = 512

    /// What is to be done.
    package enum Output: Hashable, Sendable {
        case send(DataPacket)
        /// One of our calls has ended.
        case finished(id: String, RPCResult)
        /// Somebody calls us; answer with `respond`.
        case invoked(RPCInvocation)
    }

    private struct PendingCall {
        let recipient: String
        var acknowledgementDeadline: Instant?
        let responseDeadline: Instant

        var deadline: Instant { Swift.min(acknowledgementDeadline ?? responseDeadline, responseDeadline) }
    }

    private struct PendingInvocation {
        let invocation: RPCInvocation
        let deadline: Instant

        var caller: String { invocation.callerIdentity }
    }

    private var calls: [String: PendingCall] = [:]
    private var invocations: [String: PendingInvocation] = [:]
    private var outputs: [Output] = []

    package init() {}

    package mutating func poll() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    package var nextDeadline: Instant? {
        [calls.values.map(\.deadline).min(), invocations.values.map(\.deadline).min()].compactMap { $0 }.min()
    }

    // MARK: Calling

    /// Calls a method of the participant `recipient`; `id` must be new. It ends with one `.finished`.
    package mutating func call(
        id: String, recipient: String, method: String, payload: String, timeout: Duration, now: Instant
    ) {
        guard payload.utf8.count <= Self.maximumPayloadBytes else {
            outputs.append(.finished(id: id, .failure(RPCErrorCode.requestPayloadTooLarge.error())))
            return
        }
        guard calls.count < Self.maximumPendingCalls else {
            outputs.append(.finished(id: id, .failure(RPCErrorCode.sendFailed.error("Too many calls"))))
            return
        }
        calls[id] = PendingCall(
            recipient: recipient, acknowledgementDeadline: now + Self.maximumRoundTrip, responseDeadline: now + timeout)
        let announced = max(timeout - Self.maximumRoundTrip, Self.shortestAnnouncedTimeout)
        send(
            .rpcRequest(
                .with {
                    $0.id = id
                    $0.method = method
                    $0.payload = payload
                    $0.responseTimeoutMs = UInt32(clamping: announced.milliseconds)
                    $0.version = 1
                }), to: recipient)
    }

    package mutating func handle(_ ack: RpcAck) { calls[ack.requestId]?.acknowledgementDeadline = nil }

    package mutating func handle(_ response: RpcResponse) {
        switch response.value {
        case .payload(let payload): finish(response.requestId, .success(payload))
        case .error(let error): finish(response.requestId, .failure(error))
        case .compressedPayload, nil:
            finish(response.requestId, .failure(RPCErrorCode.applicationError.error("The answer cannot be read")))
        }
    }

    private mutating func finish(_ id: String, _ result: RPCResult) {
        guard calls.removeValue(forKey: id) != nil else { return }
        outputs.append(.finished(id: id, result))
    }

    // MARK: Being called

    /// A request from `caller`: acknowledged at once, then handed out.
    package mutating func handle(_ request: RpcRequest, from caller: String, now: Instant) {
        guard !request.id.isEmpty, invocations[request.id] == nil else { return }
        send(.rpcAck(.with { $0.requestId = request.id }), to: caller)
        guard request.version == 1 else {
            return reject(request.id, caller, RPCErrorCode.unsupportedVersion.error())
        }
        guard invocations.count < Self.maximumPendingCalls else {
            return reject(request.id, caller, RPCErrorCode.applicationError.error("Too many calls"))
        }
        let timeout = Duration.milliseconds(Int64(request.responseTimeoutMs))
        let invocation = RPCInvocation(
            id: request.id, callerIdentity: caller, method: request.method, payload: request.payload, timeout: timeout)
        invocations[request.id] = PendingInvocation(invocation: invocation, deadline: now + timeout)
        outputs.append(.invoked(invocation))
    }

    /// Answers a call; too late or unknown answers are dropped.
    /// - Returns: the call; nil when nobody waited.
    @discardableResult
    package mutating func respond(id: String, _ result: RPCResult) -> RPCInvocation? {
        guard let invocation = invocations.removeValue(forKey: id) else { return nil }
        switch result {
        case .success(let payload) where payload.utf8.count > Self.maximumPayloadBytes:
            reject(id, invocation.caller, RPCErrorCode.responsePayloadTooLarge.error())
        case .success(let payload):
            send(
                .rpcResponse(
                    .with {
                        $0.requestId = id
                        $0.value = .payload(payload)
                    }), to: invocation.caller)
        case .failure(var error):
            error.message = Self.prefix(error.message, bytes: Self.maximumErrorMessageBytes)
            error.data = Self.prefix(error.data, bytes: Self.maximumPayloadBytes)
            reject(id, invocation.caller, error)
        }
        return invocation.invocation
    }

    private mutating func reject(_ id: String, _ caller: String, _ error: RpcError) {
        send(
            .rpcResponse(
                .with {
                    $0.requestId = id
                    $0.value = .error(error)
                }), to: caller)
    }

    // MARK: Time and partings

    package mutating func handleTimeout(now: Instant) {
        for (id, call) in calls.sorted(by: { $0.key < $1.key }) where call.deadline <= now {
            let isSilent = call.acknowledgementDeadline.map { $0 <= now } ?? false
            finish(id, .failure((isSilent ? RPCErrorCode.connectionTimeout : .responseTimeout).error()))
        }
        // Nobody waits for these answers any more.
        invocations = invocations.filter { $0.value.deadline > now }
    }

    package mutating func participantLeft(identity: String) {
        for (id, call) in calls.sorted(by: { $0.key < $1.key }) where call.recipient == identity {
            finish(id, .failure(RPCErrorCode.recipientDisconnected.error()))
        }
        invocations = invocations.filter { $0.value.caller != identity }
    }

    /// Our session ended: every call fails.
    package mutating func closed() {
        for id in calls.keys.sorted() { finish(id, .failure(RPCErrorCode.sendFailed.error())) }
        invocations = [:]
    }

    private mutating func send(_ value: DataPacket.Value, to identity: String) {
        outputs.append(
            .send(
                .with {
                    $0.value = value
                    $0.destinationIdentities = [identity]
                }))
    }

    /// As many whole characters as fit.
    private static func prefix(_ text: String, bytes: Int) -> String {
        var result = text
        while result.utf8.count > bytes { result.removeLast() }
        return result
    }
}
