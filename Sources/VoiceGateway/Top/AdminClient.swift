internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import SecureTransport
internal import Wire

/// Asks a gateway's admin API for its calls.
///
/// Belongs to the loop's thread.
final class AdminClient {
    /// What a gateway says.
    struct Answer {
        var calls: [CallRow] = []
        /// More than are listed, when there are very many.
        var total = 0
        var isDraining = false
        /// Gateways that have not answered.
        var silent = 0
    }

    /// Calls of one question, as many as the API allows.
    static let pageSize = AdminRoutes.maximumLimit
    /// Calls that are asked for at all.
    static let maximumCalls = 20 * pageSize
    static let timeout: Duration = .seconds(5)

    private let client: HTTPClient
    private let url: HTTPURL
    private let key: String

    init(loop: EventLoop, url: HTTPURL, key: String, authorities: TLSClientContext?) {
        var limits = HTTPClient.Limits()
        limits.bodyBytes = 64 << 20
        client = HTTPClient(loop: loop, authorities: authorities, limits: limits)
        self.url = url
        self.key = key
    }

    func close() { client.close() }

    /// - Parameter completion: called once; with a sentence about what is wrong.
    func calls(completion: @escaping (Result<Answer, TopFailure>) -> Void) {
        page(after: 0, Answer(), completion)
    }

    private func page(
        after: Int64, _ found: Answer, _ completion: @escaping (Result<Answer, TopFailure>) -> Void
    ) {
        let request = HTTPClientRequest(
            .get, url.appending("\(AdminRoutes.prefix)/calls?limit=\(Self.pageSize)&after=\(after)"),
            headers: ["Authorization": "Bearer \(key)"])
        client.send(request, timeout: Self.timeout) { [self] result in
            switch result.mapError(TopFailure.init).flatMap(Self.read) {
            case .failure(let failure): completion(.failure(failure))
            case .success(let page):
                var found = found
                found.calls += (page["calls"]?.array ?? []).map(CallRow.init)
                found.total = page["total"]?.integer.map { Int(clamping: $0) } ?? found.calls.count
                found.silent = page["silent"]?.array?.count ?? 0
                found.isDraining = page["draining"]?.bool ?? false
                if let next = page["next"]?.integer, next > after, found.calls.count < Self.maximumCalls {
                    self.page(after: next, found, completion)
                } else {
                    completion(.success(found))
                }
            }
        }
    }

    private static func read(_ response: HTTPResponse) -> Result<JSONValue, TopFailure> {
        switch response.status {
        case 200:
            guard let json = try? JSONValue(parsing: response.body), json["calls"]?.array != nil else {
                return .failure(TopFailure("what answers is no VoiceGateway"))
            }
            return .success(json)
        case 401, 403: return .failure(TopFailure("ADMIN_API_KEY is not the gateway's"))
        case 404:
            return .failure(
                TopFailure("there is no admin API: ADMIN_API_KEY is not set at the gateway, or ADMIN_PORT is elsewhere")
            )
        case 429: return .failure(TopFailure("too many wrong keys, or questions, from here; try again in a while"))
        case let status: return .failure(TopFailure("HTTP status \(status)"))
        }
    }
}

/// Why there is no table, continuing "the gateway at … cannot be asked:".
struct TopFailure: Error, Hashable {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    init(_ error: HTTPClientError) { reason = error.failure.detail }
}
