internal import ClientProtocol
internal import HTTP
internal import Wire

/// `/admin/xiaozhi/pairings…`: the operator sees which devices wait, and takes one into the list by the code that it shows.
struct PairingRoutes {
    static let prefix = AdminRoutes.prefix + "/xiaozhi/pairings"

    let devices: DeviceRegistry
    let now: () -> Instant

    var routes: [HTTPRoute] {
        [
            HTTPRoute(
                .get, Self.prefix, errors: .session, access: .operator, XiaozhiDocumentation.list, answer: list),
            HTTPRoute(
                .post, Self.prefix + "/{code}", errors: .session, access: .operator, XiaozhiDocumentation.approve,
                answer: approve),
        ]
    }

    private func list(_ request: HTTPRequest) -> HTTPResponse {
        let now = now()
        let pairings = devices.pairings(now: now).map { pairing -> JSONValue in
            [
                "code": .string(pairing.code), "device_id": .string(pairing.device.id),
                "board": .string(pairing.board),
                "seconds": .integer(max(0, (pairing.deadline - now).milliseconds / 1000)),
            ]
        }
        return .json(200, ["pairings": .array(pairings)])
    }

    private func approve(_ request: HTTPRequest) -> HTTPResponse {
        guard devices.hasList else {
            return ErrorStyle.session.response(409, "There is no list of devices (XIAOZHI_DEVICES)")
        }
        var object: JSONObject
        switch XiaozhiRoutes.body(of: request) {
        case .success(let body): object = body ?? [:]
        case .failure(let refusal): return refusal.response
        }
        guard object["id"] == nil, object["client_id"] == nil else {
            return ErrorStyle.session.response(400, "The body may have name, agent and room")
        }
        // A line of the list, whose id the pairing knows.
        object["id"] = "0"
        let wishes: KnownDevice
        do throws(KnownDevice.Mistake) {
            wishes = try KnownDevice(line: JSONValue.object(object).serialized())
        } catch {
            return ErrorStyle.session.response(400, "The request body is wrong: \(error.reason)")
        }
        let code = request.path.split(separator: "/").last.map(String.init) ?? ""
        switch devices.approve(code, name: wishes.name, agent: wishes.agent, room: wishes.room, now: now()) {
        case .approved(let device): return .json(200, device.json)
        case .unknownCode: return ErrorStyle.session.response(404, "No device waits with this code")
        case .failed(let reason):
            return ErrorStyle.session.response(500, "The list of devices cannot be written: \(reason)")
        }
    }
}
