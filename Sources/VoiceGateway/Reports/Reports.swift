internal import EventLoops
internal import HTTPClient
internal import Observability
internal import SecureTransport
internal import Wire

/// What other systems are told of calls, on a loop of its own: no call waits for a receiver, for its TLS or for JSON.
///
/// Shared by threads.
package final class Reports: Sendable {
    /// How long a process that goes waits for what is under way.
    static let patience = Duration.seconds(5)

    /// Why the gateway cannot report as it shall.
    struct StartError: Error {
        let sentence: String
        /// It may be otherwise at another start.
        let isPassing: Bool
    }

    private let loop: EventLoop
    private let client: LoopBound<HTTPClient>
    private let webhooks: LoopBound<WebhookSender>?
    private let spans: LoopBound<SpanExporter>?
    private let spool: WebhookSpool?

    private init(
        loop: EventLoop, client: LoopBound<HTTPClient>, webhooks: LoopBound<WebhookSender>?,
        spans: LoopBound<SpanExporter>?, spool: WebhookSpool?
    ) {
        self.loop = loop
        self.client = client
        self.webhooks = webhooks
        self.spans = spans
        self.spool = spool
    }

    /// - Parameter instance: what this process is called.
    /// - Returns: nil when nobody wants to be told.
    static func start(
        _ current: CurrentConfiguration, instance: String, log: Log, metrics: Metrics
    ) async throws(StartError) -> Reports? {
        let counters = WebhookCounters(metrics)
        let (webhooks, traces) = current.part { ($0.webhooks, $0.traces) }
        guard webhooks != nil || traces != nil else { return nil }
        let authorities: TLSClientContext
        do throws(SecureTransportError) { authorities = try TLSClientContext() } catch {
            throw StartError(sentence: "Webhooks and traces cannot be sent: \(error).", isPassing: true)
        }
        let (spool, kept) =
            try webhooks.map { settings throws(StartError) in
                try openSpool(settings, counters, log)
            } ?? (nil, [])
        do throws(EventLoopError) {
            let loop = try EventLoop(name: "reports")
            try loop.start()
            return await loop.run {
                // Nobody reads what receivers answer.
                var limits = HTTPClient.Limits()
                limits.bodyBytes = 256 << 10
                let client = HTTPClient(loop: loop, authorities: authorities, limits: limits)
                let sender = webhooks.map { settings in
                    WebhookSender(
                        loop: loop, client: client, settings: settings,
                        credentials: { current.part(\.roomServer.credentials) }, spool: spool, kept: kept,
                        counters: counters, log: log)
                }
                let exporter = traces.map { settings in
                    SpanExporter(
                        loop: loop, client: client, settings: settings, instance: instance, metrics: metrics, log: log)
                }
                return Reports(
                    loop: loop, client: LoopBound(client, on: loop), webhooks: sender.map { LoopBound($0, on: loop) },
                    spans: exporter.map { LoopBound($0, on: loop) }, spool: spool)
            }
        } catch {
            throw StartError(sentence: "The gateway cannot start its threads: \(error).", isPassing: true)
        }
    }

    private static func openSpool(
        _ settings: WebhookSettings, _ counters: WebhookCounters, _ log: Log
    ) throws(StartError) -> (WebhookSpool?, [WebhookDelivery]) {
        guard let path = settings.spool else { return (nil, []) }
        let names = settings.receivers.map { WebhookSpoolFile.name(of: $0) }
        let directory: SpoolDirectory
        let contents: WebhookSpool.Contents
        do throws(SpoolDirectory.Failure) {
            directory = try SpoolDirectory(path)
            contents = try WebhookSpool.read(directory, receivers: names)
        } catch {
            throw StartError(
                sentence: "WEBHOOK_SPOOL is \"\(path)\", but it cannot be used: \(error.reason).",
                isPassing: error.isInUse)
        }
        counters[.damaged].add(contents.damaged)
        if contents.damaged > 0 || contents.leftOver > 0 {
            log.warning(
                "files of the webhook spool cannot be used",
                ["damaged": contents.damaged, "too_many": contents.leftOver])
        }
        if !contents.deliveries.isEmpty {
            log.info("webhooks of an earlier process are sent", ["count": contents.deliveries.count])
        }
        do throws(EventLoopError) {
            let spool = try WebhookSpool(directory, receivers: names, unstored: counters[.unstored], log: log)
            return (spool, contents.deliveries)
        } catch {
            throw StartError(sentence: "The gateway cannot start its threads: \(error).", isPassing: true)
        }
    }

    /// From any thread.
    func tell(_ event: CallEvent) {
        guard let webhooks else { return }
        loop.execute { webhooks.value.tell(event) }
    }

    /// Whether somebody collects spans.
    var takesSpans: Bool { spans != nil }

    /// From any thread.
    func take(_ span: Span) {
        guard let spans else { return }
        loop.execute { spans.value.add(span) }
    }

    /// Waits for what is under way, but not long, and ends.
    func finish() async {
        async let sent: Void = before(Self.patience) { [webhooks] done in
            if let webhooks { webhooks.value.whenIdle(done) } else { done() }
        }
        async let exported: Void = before(Self.patience) { [spans] done in
            if let spans { spans.value.flush(done) } else { done() }
        }
        _ = await (sent, exported)
        let (webhooks, spans, client) = (webhooks, spans, client)
        await loop.run {
            webhooks?.value.close()
            spans?.value.close()
            client.value.close()
        }
        loop.stop()
        loop.join()
        spool?.close()
    }

    /// Does something on the loop, and returns when it calls its argument or time is over.
    private func before(_ patience: Duration, _ body: @escaping @Sendable (@escaping () -> Void) -> Void) async {
        let loop = loop
        await withCheckedContinuation { continuation in
            loop.execute {
                let end = OnceOnly { continuation.resume() }
                let timer = LoopTimer(loop: loop) { end.run() }
                timer.arm(after: patience)
                end.timer = timer
                body { end.run() }
            }
        }
    }

    /// Whichever comes first.
    private final class OnceOnly {
        var timer: LoopTimer?
        private var body: (() -> Void)?

        init(_ body: @escaping () -> Void) { self.body = body }

        func run() {
            let body = body
            self.body = nil
            timer?.cancel()
            body?()
        }
    }
}
