internal import ClientProtocol
internal import HTTP
internal import SecureTransport
internal import Wire

/// `/xiaozhi/ota…`: where devices with xiaozhi-esp32 ask, whenever they start, where to connect and by which token, and
/// whether there is newer firmware, which there never is here.
struct XiaozhiRoutes {
    static let path = "/xiaozhi/ota"
    /// Characters of a board's name and of a version that are taken over.
    private static let maximumText = 64

    let devices: DeviceRegistry
    let address: PublicAddress
    let now: () -> Instant
    /// Seconds and nanoseconds since 1970.
    let wallClock: () -> (seconds: Int, nanoseconds: Int)
    /// What the device shows above the code.
    let name: String

    var routes: [HTTPRoute] {
        // The firmware posts to the address as it was typed in; its SDK puts a slash behind it.
        routes(at: Self.path, id: "") + routes(at: Self.path + "/", id: "Slash") + [
            HTTPRoute(
                .post, Self.path + "/activate", errors: .session, XiaozhiDocumentation.activate, answer: activate)
        ]
    }

    private func routes(at path: String, id: String) -> [HTTPRoute] {
        [
            HTTPRoute(
                .post, path, errors: .session, XiaozhiDocumentation.provision("xiaozhiProvision" + id),
                answer: provision),
            HTTPRoute(.get, path, errors: .session, XiaozhiDocumentation.state("xiaozhiState" + id)) { _ in
                .text(200, "VoiceGateway tells xiaozhi devices here where to connect.\n")
            },
        ]
    }

    private static func device(of request: HTTPRequest) -> ClientDevice? {
        ClientDevice(id: request.headers["Device-Id"] ?? "", clientID: request.headers["Client-Id"] ?? "")
    }

    private func provision(_ request: HTTPRequest) -> HTTPResponse {
        let body: JSONObject?
        switch Self.body(of: request) {
        case .success(let object): body = object
        case .failure(let refusal): return refusal.response
        }
        guard let device = Self.device(of: request), !device.clientID.isEmpty else {
            return .json(200, ["success": false, "message": "request error."])
        }
        guard let url = address.webSocketURL(XiaozhiDialect.descriptor.paths[0] + "/", for: request) else {
            return ErrorStyle.session.response(400, "The request has no usable Host header")
        }
        let board = Self.text(body?["board"]?["name"]) ?? Self.text(body?["board"]?["type"]) ?? ""
        let (seconds, nanoseconds) = wallClock()
        var answer: JSONObject = [
            "server_time": [
                "timestamp": .integer(Int64(seconds) * 1000 + Int64(nanoseconds) / 1_000_000), "timezone_offset": 0,
            ],
            // The device's own version and no address: nothing to install.
            "firmware": ["version": .string(Self.text(body?["application"]?["version"]) ?? "0"), "url": ""],
        ]
        let socket = { (token: String) -> JSONValue in
            ["url": .string(url), "token": .string(token), "version": 1]
        }
        switch devices.provision(device, board: board, now: now(), unixTime: Int64(seconds)) {
        case .connect(let token): answer["websocket"] = socket(token)
        case .pair(let code, let token):
            answer["websocket"] = socket(token)
            answer["activation"] = [
                "message": .string("\(name)\n\(code)"), "code": .string(code),
                "challenge": .string(Base64.encode(SecureRandom.bytes(18), .urlSafeUnpadded)), "timeout_ms": 30_000,
            ]
        case .full:
            var response = ErrorStyle.session.response(503, "Too many devices wait to be paired. Try again later")
            response.headers.set("Retry-After", "60")
            return response
        }
        return .json(200, .object(answer))
    }

    private func activate(_ request: HTTPRequest) -> HTTPResponse {
        // The hash in it is made with a key that the maker of the device alone has.
        if case .failure(let refusal) = Self.body(of: request) { return refusal.response }
        // A device that waits in vain asks for another code after ten times.
        guard let device = Self.device(of: request), devices.isPaired(device) else {
            return .json(202, ["success": false])
        }
        return .json(200, ["success": true])
    }

    /// An answer in place of what was asked for.
    struct Refusal: Error {
        let response: HTTPResponse

        init(_ status: Int, _ sentence: String) { response = ErrorStyle.session.response(status, sentence) }
    }

    /// The JSON object that a request brings; nil for none.
    static func body(of request: HTTPRequest) -> Result<JSONObject?, Refusal> {
        do throws(JSONBody.Failure) {
            guard let value = try JSONBody.value(of: request) else { return .success(nil) }
            guard let object = value.object else {
                return .failure(Refusal(400, "The request body must be a JSON object"))
            }
            return .success(object)
        } catch {
            switch error {
            case .wrongType: return .failure(Refusal(415, "Content-Type must be application/json"))
            case .malformed(let error):
                return .failure(Refusal(400, "The request body is not valid JSON: \(error)"))
            }
        }
    }

    private static func text(_ value: JSONValue?) -> String? {
        guard let text = value?.string, (1...maximumText).contains(text.count) else { return nil }
        return text
    }
}
