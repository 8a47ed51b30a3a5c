internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import Observability
internal import SecureTransport
internal import Signalling
internal import Wire

/// Sends events to their receivers, signed as LiveKit signs its webhooks: the header `Authorization` has an access token
/// with the SHA-256 of the body.
///
/// Belongs to the loop's thread.
final class WebhookSender {
    static let contentType = "application/webhook+json"
    /// How long a receiver may take.
    static let timeout = Duration.seconds(10)
    /// How long a signature is valid, in seconds.
    static let tokenLifetime: Int64 = 300

    private let client: HTTPClient
    private let settings: WebhookSettings
    private let credentials: () -> APICredentials
    private let spool: WebhookSpool?
    private let log: Log
    private let loop: EventLoop
    private let results: WebhookCounters
    private var queue: WebhookQueue
    private var timer: LoopTimer?
    private var lastNumber: UInt64
    private var onIdle: (() -> Void)?

    /// - Parameter kept: what an earlier process has left.
    init(
        loop: EventLoop, client: HTTPClient, settings: WebhookSettings, credentials: @escaping () -> APICredentials,
        spool: WebhookSpool?, kept: [WebhookDelivery], counters: WebhookCounters, log: Log
    ) {
        self.loop = loop
        self.client = client
        self.settings = settings
        self.credentials = credentials
        self.spool = spool
        self.log = log
        results = counters
        queue = WebhookQueue(receivers: settings.receivers.count)
        lastNumber = kept.last?.number ?? 0
        timer = LoopTimer(loop: loop) { [unowned self] in
            queue.handleTimeout(now: self.loop.now)
            act()
        }
        let now = UnixClock.seconds()
        for delivery in kept { queue.add(delivery, age: .seconds(max(0, now - delivery.createdAt)), now: loop.now) }
        act()
    }

    func tell(_ event: CallEvent) {
        for receiver in settings.receivers.indices {
            // The time lets numbers grow over restarts.
            lastNumber = max(lastNumber + 1, UInt64(max(0, UnixClock.milliseconds())) * 1000)
            let delivery = WebhookDelivery(
                number: lastNumber, receiver: receiver, session: event.session, createdAt: event.createdAt,
                body: event.body)
            queue.add(delivery, now: loop.now)
        }
        act()
    }

    /// Calls `completion` when nothing is under way; what waits for another attempt stays.
    func whenIdle(_ completion: @escaping () -> Void) {
        onIdle = completion
        act()
    }

    /// Says what will not be sent any more.
    func close() {
        timer?.cancel()
        guard queue.waiting > 0 else { return }
        if spool != nil {
            log.info("webhooks wait for the next start", ["count": queue.waiting])
        } else {
            results[.stopped].add(queue.waiting)
            log.warning("webhooks are lost: WEBHOOK_SPOOL is not set", ["count": queue.waiting])
        }
    }

    private func act() {
        while let output = queue.poll() {
            switch output {
            case .store(let delivery): spool?.store(delivery)
            case .send(let delivery): send(delivery)
            case .taken(let delivery):
                results[.delivered].add()
                spool?.remove(delivery)
            case .lost(let delivery, let loss):
                results[WebhookCounters.Result(loss)].add()
                log.warning("webhook given up", fields(delivery, loss.rawValue))
                spool?.remove(delivery)
            }
        }
        results.waiting.set(queue.waiting)
        timer?.follow(queue.nextDeadline)
        if !queue.isSending, let onIdle {
            self.onIdle = nil
            onIdle()
        }
    }

    private func send(_ delivery: WebhookDelivery) {
        client.send(request(delivery), timeout: Self.timeout) { [weak self] result in
            guard let self else { return }
            let answer = Self.answer(result)
            if case .failed = answer {
                results[.failed].add()
                let error =
                    switch result {
                    case .success(let response): "HTTP status \(response.status)"
                    case .failure(let error): "\(error)"
                    }
                log.warning("webhook not taken, and sent again later", fields(delivery, error))
            }
            queue.answered(delivery, answer, now: loop.now)
            act()
        }
    }

    private func request(_ delivery: WebhookDelivery) -> HTTPClientRequest {
        let (now, credentials) = (UnixClock.seconds(), credentials())
        let token = AccessToken.with {
            $0.key = credentials.key
            $0.notBefore = now
            $0.expiresAt = now + Self.tokenLifetime
            $0.sha256 = Base64.encode(SHA256.digest(delivery.body))
        }
        var request = HTTPClientRequest(
            .post, settings.receivers[delivery.receiver],
            headers: [
                "Authorization": token.signed(secret: credentials.secret, .openSSL), "Content-Type": Self.contentType,
            ], body: delivery.body)
        // Each event has an id by which a receiver knows it again.
        request.isIdempotent = true
        return request
    }

    private static func answer(_ result: Result<HTTPResponse, HTTPClientError>) -> WebhookQueue.Answer {
        guard case .success(let response) = result else { return .failed(retryAfter: nil) }
        switch response.status {
        case 200..<300: return .taken
        case 410: return .gone
        default:
            let seconds = response.headers["Retry-After"].flatMap { UInt16($0) }
            return .failed(retryAfter: seconds.map { .seconds(Int($0)) })
        }
    }

    /// Of a URL only the origin is told: its path may be a secret.
    private func fields(_ delivery: WebhookDelivery, _ why: String) -> Log.Fields {
        let json = try? JSONValue(parsing: delivery.body)
        return [
            "webhook": json?["event"]?.string ?? "", "session": delivery.session,
            "room": json?["room"]?["name"]?.string ?? "",
            "identity": json?["participant"]?["identity"]?.string ?? "",
            "receiver": settings.receivers[delivery.receiver].origin, "why": why,
        ]
    }
}

/// What becomes of webhooks.
struct WebhookCounters: Sendable {
    enum Result: String, CaseIterable {
        case delivered
        /// An attempt; the event is sent again.
        case failed
        case expired
        case gone
        case overflow
        /// The process has ended, and no spool was set.
        case stopped
        /// A file of the spool that cannot be used.
        case damaged
        /// Not kept on the disk; it is sent all the same.
        case unstored

        init(_ loss: WebhookQueue.Loss) {
            self =
                switch loss {
                case .expired: .expired
                case .gone: .gone
                case .overflow: .overflow
                }
        }
    }

    let waiting: Gauge
    private let counters: [Result: Counter]
    private let others = Counter()

    init(_ metrics: Metrics) {
        waiting = metrics.gauge("voicegateway_webhooks_waiting", help: "Webhooks that have not been taken yet.")
        counters = metrics.counters(
            "voicegateway_webhooks_total", help: "Webhooks by what became of them.", label: "result",
            of: Result.allCases, text: \.rawValue)
    }

    subscript(result: Result) -> Counter { counters[result] ?? others }
}
