internal import ClientProtocol
internal import LiveKitParticipant
internal import Signalling

// Calls of methods, as sessions and as participants know them.

extension MethodCall {
    init(_ invocation: RPCInvocation) {
        self.init(
            id: invocation.id, caller: invocation.callerIdentity, method: invocation.method,
            payload: invocation.payload, timeout: invocation.timeout)
    }
}

extension MethodOutcome {
    init(_ result: RPCResult) {
        switch result {
        case .success(let payload): self = .success(payload)
        case .failure(let error):
            self = .failure(MethodFailure(code: error.code, message: error.message, data: error.data))
        }
    }
}

extension RPCResult {
    init(_ outcome: MethodOutcome) {
        switch outcome {
        case .success(let payload): self = .success(payload)
        case .failure(let failure):
            self = .failure(
                .with {
                    $0.code = failure.code
                    $0.message = failure.message
                    $0.data = failure.data
                })
        }
    }
}
