package import Wire

/// What is under way of stream resets (RFC 6525). Request numbers count on from the first TSN of each side.
struct SCTPStreamReset {
    /// Streams that one request names.
    static let maximumStreams = 256

    struct Request {
        let sequence: UInt32
        let lastTSN: UInt32
        let streams: [UInt16]
    }

    var nextRequest: UInt32
    /// Streams that wait for a request of ours, in the order of asking.
    var pending: [UInt16] = []
    /// Our request that the peer has not answered.
    var outstanding: Request?
    /// The peer said that it needs time; that is not a failure.
    var isInProgress = false
    var deadline: Instant?

    /// The number of the peer's last request, and what we answered.
    var lastPeerRequest: UInt32 = 0
    var lastResult = SCTPReconfigurationParameter.Result.nothingToDo
    /// A request of the peer that waits for data sent before it.
    var deferred: Request?

    init(nextRequest: UInt32) { self.nextRequest = nextRequest }
}

extension SCTPAssociation {
    /// Starts our direction of these streams again at zero, after what is queued on them has been sent. The result
    /// comes as `.outgoingStreamsReset`.
    package func resetStreams(_ streams: [UInt16], now: Instant) {
        begin(now)
        for stream in streams where !reset.pending.contains(stream) {
            if reset.outstanding?.streams.contains(stream) == true { continue }
            reset.pending.append(stream)
        }
    }

    /// Sends a request for the streams whose data has left, unless one is under way.
    func sendResetIfDue() {
        guard state == .established, !reset.pending.isEmpty, reset.outstanding == nil, let peer else { return }
        let ready = reset.pending.filter { !sendQueue.hasUnsentData(stream: $0) }.prefix(SCTPStreamReset.maximumStreams)
        guard !ready.isEmpty else { return }
        reset.pending.removeAll { ready.contains($0) }
        guard peer.supportsReconfiguration else {
            events.append(.outgoingStreamsReset(Array(ready), isPerformed: false))
            return
        }
        for stream in ready { sendQueue.pause(stream: stream) }
        reset.outstanding = SCTPStreamReset.Request(
            sequence: reset.nextRequest, lastTSN: outstanding.nextTSN &- 1, streams: Array(ready))
        reset.nextRequest &+= 1
        reset.isInProgress = false
        sendResetRequest()
    }

    private func sendResetRequest() {
        guard let request = reset.outstanding else { return }
        queue(
            .reconfiguration([
                .outgoingReset(
                    requestSequence: request.sequence, responseSequence: reset.lastPeerRequest,
                    lastTSN: request.lastTSN, streams: request.streams)
            ]))
        reset.deadline = now + timeout.current
    }

    func resetTimedOut() {
        reset.deadline = nil
        guard reset.outstanding != nil else { return }
        if reset.isInProgress {
            reset.isInProgress = false
        } else {
            guard countError() else { return }
            timeout.backOff()
        }
        sendResetRequest()
    }

    func handleReconfiguration(_ parameters: [SCTPReconfigurationParameter]) {
        handleCookieAck()
        switch state {
        case .established, .shutdownPending: break
        default: return
        }
        for parameter in parameters {
            switch parameter {
            case .outgoingReset(let sequence, _, let lastTSN, let streams):
                answer(sequence) {
                    let request = SCTPStreamReset.Request(sequence: sequence, lastTSN: lastTSN, streams: streams)
                    guard !lastTSN.isAfter(received.cumulative) else {
                        reset.deferred = request
                        return SCTPReconfigurationParameter.Result.inProgress
                    }
                    perform(request)
                    return SCTPReconfigurationParameter.Result.performed
                }
            case .incomingReset(let sequence, let streams):
                answer(sequence) {
                    guard !streams.isEmpty else { return SCTPReconfigurationParameter.Result.denied }
                    resetStreams(streams, now: now)
                    return SCTPReconfigurationParameter.Result.performed
                }
            case .response(let sequence, let result): handleResetResponse(sequence, result)
            case .addOutgoingStreams(let sequence, _):
                // We announced as many as there are; the peer has no need to ask.
                answer(sequence) { SCTPReconfigurationParameter.Result.performed }
            case .associationReset(let sequence), .addIncomingStreams(let sequence, _):
                answer(sequence) { SCTPReconfigurationParameter.Result.denied }
            case .unknown: break
            }
        }
    }

    /// Handles a new request and answers it, or answers a repeated one as before.
    private func answer(_ sequence: UInt32, _ handle: () -> UInt32) {
        var result = SCTPReconfigurationParameter.Result.wrongSequenceNumber
        if sequence == reset.lastPeerRequest &+ 1 {
            reset.lastPeerRequest = sequence
            result = handle()
            reset.lastResult = result
        } else if sequence == reset.lastPeerRequest {
            result = reset.lastResult
        }
        queue(.reconfiguration([.response(responseSequence: sequence, result: result)]))
    }

    private func perform(_ request: SCTPStreamReset.Request) {
        reassembly.reset(request.streams)
        events.append(.incomingStreamsReset(request.streams))
    }

    /// Data has arrived: a reset that waited for it may be due, and is then reported without being asked again.
    func performDeferredReset() {
        guard let request = reset.deferred, !request.lastTSN.isAfter(received.cumulative) else { return }
        reset.deferred = nil
        perform(request)
        reset.lastResult = SCTPReconfigurationParameter.Result.performed
        queue(.reconfiguration([.response(responseSequence: request.sequence, result: reset.lastResult)]))
    }

    private func handleResetResponse(_ sequence: UInt32, _ result: UInt32) {
        guard let request = reset.outstanding, request.sequence == sequence else { return }
        errorCount = 0
        if result == SCTPReconfigurationParameter.Result.inProgress {
            reset.isInProgress = true
            reset.deadline = now + timeout.current
            return
        }
        reset.outstanding = nil
        reset.deadline = nil
        let isPerformed =
            result == SCTPReconfigurationParameter.Result.performed
            || result == SCTPReconfigurationParameter.Result.nothingToDo
        if isPerformed { outstanding.forgetSequenceNumbers(streams: request.streams) }
        for stream in request.streams { sendQueue.resume(stream: stream, isReset: isPerformed) }
        events.append(.outgoingStreamsReset(request.streams, isPerformed: isPerformed))
    }
}
