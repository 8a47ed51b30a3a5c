internal import Wire

/// Calls of methods in the extended vocabulary. `rpc` asks, `rpc_result` or `rpc_error` answers, and either side may do
/// either; ids are those of whoever asks.
enum RPCMessage {
    /// Bytes of an id.
    static let maximumIDSize = 64
    /// How long a client may wait for an agent, in ms; what is not said is 10 s.
    static let timeouts = 1000...60_000
    private static let standardTimeout = 10_000

    // MARK: From the client

    static func call(_ message: JSONObject) throws(ClientError) -> MethodCall {
        let id = try id(of: message, "rpc")
        let methods = 1...MethodCall.maximumMethodBytes
        guard let method = message["method"]?.string, methods.contains(method.utf8.count) else {
            throw ClientError(
                .invalidMessage, "rpc needs \"method\": a string of 1 to \(MethodCall.maximumMethodBytes) bytes")
        }
        let payload = try payload(of: message, "rpc")
        let milliseconds = message["timeout_ms"] ?? .integer(Int64(standardTimeout))
        guard let number = milliseconds.integer, timeouts.contains(Int(clamping: number)) else {
            throw ClientError(
                .invalidMessage,
                "rpc needs \"timeout_ms\" to be a number from \(timeouts.lowerBound) to \(timeouts.upperBound)")
        }
        return MethodCall(id: id, method: method, payload: payload, timeout: .milliseconds(number))
    }

    static func outcome(_ message: JSONObject) throws(ClientError) -> ClientEvent {
        guard message["type"]?.string == "rpc_error" else {
            let id = try id(of: message, "rpc_result")
            return .callEnded(id: id, .success(try payload(of: message, "rpc_result")))
        }
        let id = try id(of: message, "rpc_error")
        let code = message["code"]?.integer ?? Int64(MethodFailure.applicationCode)
        guard let code = UInt32(exactly: code) else {
            throw ClientError(.invalidMessage, "rpc_error needs \"code\" to be a number from 0 to \(UInt32.max)")
        }
        // What is too long is cut where it is sent.
        let text = message["message"]?.string ?? "Application error in method handler"
        let data = message["data"]?.string ?? ""
        return .callEnded(id: id, .failure(MethodFailure(code: code, message: text, data: data)))
    }

    private static func id(of message: JSONObject, _ type: String) throws(ClientError) -> String {
        guard let id = message["id"]?.string, (1...maximumIDSize).contains(id.utf8.count) else {
            throw ClientError(.invalidMessage, "\(type) needs \"id\": a string of 1 to \(maximumIDSize) bytes")
        }
        return id
    }

    /// A string as it is, any other JSON as text; nothing for none.
    private static func payload(of message: JSONObject, _ type: String) throws(ClientError) -> String {
        let payload = message["payload"].map { $0.string ?? $0.serialized() } ?? ""
        guard payload.utf8.count <= MethodCall.maximumPayloadBytes else {
            throw ClientError(
                .invalidMessage,
                "\(type) has a \"payload\" of \(payload.utf8.count) bytes. At most \(MethodCall.maximumPayloadBytes) are accepted."
            )
        }
        return payload
    }

    // MARK: To the client

    static func message(for call: MethodCall) -> JSONObject {
        [
            "type": "rpc", "id": .string(call.id), "method": .string(call.method), "payload": .string(call.payload),
            "caller": .string(call.caller), "timeout_ms": .integer(call.timeout.milliseconds),
        ]
    }

    static func message(for outcome: MethodOutcome, of id: String) -> JSONObject {
        switch outcome {
        case .success(let payload): return ["type": "rpc_result", "id": .string(id), "payload": .string(payload)]
        case .failure(let failure):
            var message: JSONObject = [
                "type": "rpc_error", "id": .string(id), "code": .integer(Int64(failure.code)),
                "message": .string(failure.message),
            ]
            if !failure.data.isEmpty { message["data"] = .string(failure.data) }
            return message
        }
    }
}
