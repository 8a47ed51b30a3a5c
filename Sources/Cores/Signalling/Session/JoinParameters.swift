package import Wire

/// How a join is spelled in the URL of the signalling WebSocket: all of it in one parameter over `/rtc/v1`, in single
/// ones over `/rtc` (docs/livekit-protocol.md#joining-with-one-connection and after it).
package enum JoinParameters {
    /// Bytes of a join request after decompression.
    package static let maximumSize = 1 << 20

    /// Why a join is refused; a server answers 400.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case notBase64
        case notProtobuf
        case notGzip
        case unknownCompression(Int32)

        package var description: String {
            switch self {
            case .notBase64: "cannot base64 decode wrapped join request"
            case .notProtobuf: "cannot unmarshal join request"
            case .notGzip: "cannot decompress join request"
            case .unknownCompression(let number): "unknown compression \(number) of the join request"
            }
        }
    }

    // MARK: One peer connection

    /// Path and query of a join over `/rtc/v1`.
    package static func pathV1(_ request: JoinRequest) -> String {
        let wrapped = WrappedJoinRequest.with { $0.joinRequest = request.encoded() }
        var query = QueryString()
        query.append("join_request", Base64.encode(wrapped.encoded(), .urlSafe))
        return "/rtc/v1?" + query.encoded
    }

    /// Reads the `join_request` parameter: padded base64url, the content plain or compressed with gzip.
    package static func decode(_ parameter: String) throws(Failure) -> JoinRequest {
        guard let bytes = Base64.decode(parameter, .urlSafe) else { throw .notBase64 }
        guard let wrapped = try? WrappedJoinRequest(decoding: bytes, maximumSize: maximumSize) else {
            throw .notProtobuf
        }
        var content = wrapped.joinRequest
        switch wrapped.compression {
        case .none: break
        case .gzip:
            guard let plain = try? Inflate.decompress(content, .gzip, maximumOutput: maximumSize) else {
                throw .notGzip
            }
            content = plain
        default: throw .unknownCompression(wrapped.compression.rawValue)
        }
        guard let request = try? JoinRequest(decoding: content, maximumSize: maximumSize) else { throw .notProtobuf }
        return request
    }

    // MARK: Two peer connections

    /// Path and query of a join over `/rtc`. Tracks, an offer and metadata follow over the socket.
    package static func pathV0(_ request: JoinRequest) -> String {
        let client = request.clientInfo ?? ClientInfo()
        let settings = request.connectionSettings ?? ConnectionSettings()
        var query = QueryString()
        query.append("sdk", sdkName(client.sdk))
        for (name, value) in [
            ("version", client.version), ("os", client.os), ("os_version", client.osVersion),
            ("device_model", client.deviceModel),
        ] where !value.isEmpty {
            query.append(name, value)
        }
        query.append("protocol", String(client.protocolVersion))
        query.append("client_protocol", String(client.clientProtocol))
        query.append("auto_subscribe", settings.autoSubscribe ? "1" : "0")
        query.append("adaptive_stream", settings.adaptiveStream ? "1" : "0")
        if !client.capabilities.isEmpty {
            query.append("capabilities", client.capabilities.map(\.name).joined(separator: ","))
        }
        if !request.participantAttributes.isEmpty {
            let json = JSONValue.object(JSONObject(texts: request.participantAttributes))
            query.append("attributes", Base64.encode(json.serializedBytes(), .urlSafe))
        }
        if request.reconnect {
            query.append("reconnect", "1")
            query.append("sid", request.participantSid)
            query.append("reconnect_reason", String(request.reconnectReason.rawValue))
        }
        return "/rtc?" + query.encoded
    }

    /// Reads the parameters of `/rtc` into the same form as a join request. Absent switches take the server's
    /// defaults; attributes that cannot be read are ignored.
    package static func decode(_ query: QueryString) -> JoinRequest {
        JoinRequest.with { request in
            request.clientInfo = .with {
                $0.sdk = sdk(named: query["sdk"] ?? "")
                $0.version = query["version"] ?? ""
                $0.protocolVersion = query["protocol"].flatMap { Int32($0) } ?? 0
                $0.clientProtocol = query["client_protocol"].flatMap { Int32($0) } ?? 0
                $0.os = query["os"] ?? ""
                $0.osVersion = query["os_version"] ?? ""
                $0.deviceModel = query["device_model"] ?? ""
                $0.browser = query["browser"] ?? ""
                $0.browserVersion = query["browser_version"] ?? ""
                $0.network = query["network"] ?? ""
                $0.capabilities = (query["capabilities"] ?? "").split(separator: ",")
                    .compactMap { ClientInfo.Capability(json: .string(String($0))) }
            }
            request.connectionSettings = .with {
                $0.autoSubscribe = flag(query["auto_subscribe"]) ?? true
                $0.adaptiveStream = flag(query["adaptive_stream"]) ?? false
                $0.disableIceLite = flag(query["disable_ice_lite"]) ?? false
            }
            request.reconnect = flag(query["reconnect"]) ?? false
            if request.reconnect {
                request.participantSid = query["sid"] ?? ""
                let reason = query["reconnect_reason"].flatMap { Int32($0) } ?? 0
                request.reconnectReason = ReconnectReason(rawValue: reason)
            }
            if let text = query["attributes"], let bytes = Base64.decode(text, .urlSafe),
                let members = (try? JSONValue(parsing: bytes))?.object?.members
            {
                for member in members { request.participantAttributes[member.key] = member.value.string }
            }
        }
    }

    private static func flag(_ text: String?) -> Bool? {
        switch text?.lowercased() {
        case "1", "true": true
        case "0", "false": false
        default: nil
        }
    }

    /// The query's names are the enum's in lower case, without underscores.
    private static func sdkName(_ sdk: ClientInfo.SDK) -> String {
        sdk.name.lowercased().filter { $0 != "_" }
    }

    private static func sdk(named name: String) -> ClientInfo.SDK {
        if name.lowercased() == "ios" { return .swift }
        let number = ClientInfo.SDK.names.keys.first { sdkName(ClientInfo.SDK(rawValue: $0)) == name.lowercased() }
        return number.map { ClientInfo.SDK(rawValue: $0) } ?? .unknown
    }
}
