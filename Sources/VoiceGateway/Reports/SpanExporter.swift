internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import Observability
internal import Wire

/// Sends spans to a collector by OTLP over HTTP, in JSON.
///
/// Belongs to the loop's thread.
final class SpanExporter {
    static let timeout = Duration.seconds(10)

    private let loop: EventLoop
    private let client: HTTPClient
    private let settings: TraceSettings
    private let url: HTTPURL
    private let resource: JSONObject
    private let exported: Counter
    private let dropped: Counter
    private let log: Log
    private var queue = SpanQueue()
    private var timer: LoopTimer?
    private var isAway = false
    private var onIdle: (() -> Void)?

    /// - Parameter instance: what this process is called.
    init(
        loop: EventLoop, client: HTTPClient, settings: TraceSettings, instance: String, metrics: Metrics, log: Log
    ) {
        self.loop = loop
        self.client = client
        self.settings = settings
        self.log = log
        url = settings.endpoint.appending("/v1/traces")
        resource = [
            "service.name": .string(settings.serviceName), "service.version": .string(Product.version),
            "service.instance.id": .string(instance),
        ]
        let results = metrics.counters(
            "voicegateway_spans_total", help: "Spans of traces by what became of them.", label: "result",
            of: ["exported", "dropped"], text: { $0 })
        exported = results["exported"] ?? Counter()
        dropped = results["dropped"] ?? Counter()
        timer = LoopTimer(loop: loop) { [unowned self] in
            queue.handleTimeout(now: self.loop.now)
            act()
        }
    }

    func add(_ span: Span) {
        queue.add(span, now: loop.now)
        act()
    }

    /// Sends what waits, and calls `completion` when all is done with or the collector is away.
    func flush(_ completion: @escaping () -> Void) {
        onIdle = completion
        queue.flush(now: loop.now)
        act()
    }

    func close() { timer?.cancel() }

    private func act() {
        while let output = queue.poll() {
            switch output {
            case .send(let spans): send(spans)
            case .exported(let count): exported.add(count)
            case .dropped(let count): dropped.add(count)
            }
        }
        timer?.follow(queue.nextDeadline)
        if queue.isEmpty || isAway, let onIdle {
            self.onIdle = nil
            onIdle()
        }
    }

    private func send(_ spans: [Span]) {
        var request = HTTPClientRequest(
            .post, url, headers: HTTPHeaders(settings.headers.map { ($0.name, $0.value) }),
            body: Span.exportRequest(spans, resource: resource))
        request.headers.set("Content-Type", "application/json")
        request.isIdempotent = true
        client.send(request, timeout: Self.timeout) { [weak self] result in
            guard let self else { return }
            let (answer, error) = Self.answer(result)
            note(error)
            queue.answered(answer, now: loop.now)
            act()
        }
    }

    /// One line when the collector goes, and one when it is back.
    private func note(_ error: String?) {
        if let error, !isAway {
            log.warning("traces are not taken", ["collector": url.origin, "error": error])
        } else if error == nil, isAway {
            log.info("traces are taken again", ["collector": url.origin])
        }
        isAway = error != nil
    }

    /// What may be sent again is what the OTLP specification says ("OTLP/HTTP Response").
    private static func answer(
        _ result: Result<HTTPResponse, HTTPClientError>
    ) -> (SpanQueue.Answer, error: String?) {
        switch result {
        case .failure(let error): return (.failed, "\(error)")
        case .success(let response):
            switch response.status {
            case 200..<300: return (.taken, nil)
            case 429, 502, 503, 504: return (.failed, "HTTP status \(response.status)")
            default: return (.refused, "HTTP status \(response.status)")
            }
        }
    }
}
