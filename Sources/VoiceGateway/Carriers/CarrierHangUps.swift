internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import Observability
internal import Wire

/// Ends telephone calls at their carriers when the conversation is over. A stream that closes ends no call by itself: what the
/// carrier was told to do next is done, which is right after a failure, and silence after a farewell.
///
/// Belongs to the loop's thread.
final class CarrierHangUps {
    /// How long a carrier may take.
    static let timeout = Duration.seconds(10)

    private let client: HTTPClient
    private let settings: () -> CarrierSettings
    private let log: Log

    init(client: HTTPClient, settings: @escaping () -> CarrierSettings, log: Log) {
        self.client = client
        self.settings = settings
        self.log = log
    }

    /// Ends the call if its conversation has ended as conversations do, and we may.
    func sessionEnded(_ call: CarrierCall, _ end: SessionEnd, session: String) {
        guard Self.isFarewell(end.reason), let request = Self.request(for: call, settings()) else { return }
        client.send(request, timeout: Self.timeout) { [log] result in
            let error: String
            switch result {
            // The last two: it is over already, nobody is on the line.
            case .success(let response)
            where (200..<300).contains(response.status) || [404, 422].contains(response.status):
                return log.info("call ended at its carrier", ["session": session, "carrier": call.carrier])
            case .success(let response): error = "HTTP status \(response.status)"
            case .failure(let failure): error = "\(failure)"
            }
            log.warning(
                "call not ended at its carrier", ["session": session, "carrier": call.carrier, "error": error])
        }
    }

    /// After these the caller has nobody to speak with any more, as was intended.
    private static func isFarewell(_ reason: String) -> Bool {
        switch ClosingReason(rawValue: reason) {
        case .roomDeleted, .removed, .agentLeft, .idleTimeout, .sessionLimit: true
        default: false
        }
    }

    /// Nil without credentials, or for a call whose name cannot be one.
    static func request(for call: CarrierCall, _ settings: CarrierSettings) -> HTTPClientRequest? {
        guard isName(call.call) else { return nil }
        switch call.carrier {
        case "twilio":
            guard let token = settings.twilioAuthToken, let account = call.account, isName(account) else { return nil }
            let url = (settings.twilioAPI ?? standard("api.twilio.com"))
                .appending("/2010-04-01/Accounts/\(account)/Calls/\(call.call).json")
            return HTTPClientRequest(
                .post, url,
                headers: [
                    "Authorization": basic(account, token), "Content-Type": "application/x-www-form-urlencoded",
                ], body: Array("Status=completed".utf8))
        case "telnyx":
            guard let key = settings.telnyxAPIKey else { return nil }
            let url = (settings.telnyxAPI ?? standard("api.telnyx.com"))
                .appending("/v2/calls/\(call.call)/actions/hangup")
            return HTTPClientRequest(
                .post, url, headers: ["Authorization": "Bearer \(key)", "Content-Type": "application/json"],
                body: Array("{}".utf8))
        case "plivo":
            guard let id = settings.plivoAuthID, let token = settings.plivoAuthToken else { return nil }
            let url = (settings.plivoAPI ?? standard("api.plivo.com"))
                .appending("/v1/Account/\(PercentEncoding.encoded(id))/Call/\(call.call)/")
            return HTTPClientRequest(.delete, url, headers: ["Authorization": basic(id, token)])
        default: return nil
        }
    }

    private static func standard(_ host: String) -> HTTPURL {
        HTTPURL(origin: HTTPOrigin(isSecure: true, host: host, port: 443))
    }

    private static func basic(_ name: String, _ secret: String) -> String {
        "Basic " + Base64.encode(Array("\(name):\(secret)".utf8))
    }

    /// Letters, digits, and what stands between them in names of carriers: nothing that leads elsewhere in a path.
    private static func isName(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-._:".utf8.contains(byte)
                }
            }
    }
}
