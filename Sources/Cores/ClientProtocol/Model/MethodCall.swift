/// A call of a method by somebody else, LiveKit's RPC (docs/livekit-protocol.md#remote-procedure-calls): of one of the
/// client's, or by the client.
package struct MethodCall: Hashable, Sendable {
    /// Of whoever calls, and new.
    package var id: String
    /// The identity of the participant who calls; empty for the client.
    package var caller: String
    package var method: String
    package var payload: String
    /// How long the caller waits for the outcome.
    package var timeout: Duration

    package init(id: String, caller: String = "", method: String, payload: String, timeout: Duration) {
        self.id = id
        self.caller = caller
        self.method = method
        self.payload = payload
        self.timeout = timeout
    }

    /// Bytes of a method's name, and of a payload in either direction, as LiveKit has them.
    package static let maximumMethodBytes = 64
    package static let maximumPayloadBytes = 15_360
}

/// How a call ended.
package enum MethodOutcome: Hashable, Sendable {
    case success(String)
    case failure(MethodFailure)
}

/// Why a call has no answer.
package struct MethodFailure: Error, Hashable, Sendable {
    /// LiveKit's, 1400 to 1505, or any other of whoever was called.
    package var code: UInt32
    package var message: String
    package var data: String

    package init(code: UInt32, message: String, data: String = "") {
        self.code = code
        self.message = message
        self.data = data
    }

    /// Whoever was called has no such method.
    package static let unsupported = MethodFailure(code: 1400, message: "Method not supported at destination")
    /// There is nobody to be called.
    package static let noRecipient = MethodFailure(code: 1401, message: "Recipient not found")
    /// The method itself has failed.
    package static func application(_ message: String) -> MethodFailure {
        MethodFailure(code: applicationCode, message: message)
    }
    static let applicationCode: UInt32 = 1500
}
