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
    private let webhooks: LoopBound<WebhookSender>
    private let spool: WebhookSpool?

    private init(
        loop: EventLoop, client: LoopBound<HTTPClient>, webhooks: LoopBound<WebhookSender>, spool: WebhookSpool?
    ) {
        self.loop = loop
        self.client = client
        self.webhooks = webhooks
        self.spool = spool
    }

    /// - Returns: nil when nobody wants to be told.
    static func start(_ current: CurrentConfiguration, log: Log, metrics: Metrics) async throws(StartError) -> Reports? {
        let counters = WebhookCounters(metrics)
        guard let settings = current.part(\.webhooks) else { return nil }
        let authorities: TLSClientContext
        do throws(SecureTransportError) { authorities = try TLSClientContext() } catch {
            throw StartError(sentence: "Webhooks cannot be sent: \(error).", isPassing: true)
        }
        let (spool, kept) = try openSpool(settings, counters, log)
        do throws(EventLoopError) {
            let loop = try EventLoop(name: "reports")
            try loop.start()
            let (client, webhooks) = await loop.run {
                let client = HTTPClient(loop: loop, authorities: authorities)
                let sender = WebhookSender(
                    loop: loop, client: client, settings: settings,
                    credentials: { current.part(\.roomServer.credentials) }, spool: spool, kept: kept,
                    counters: counters, log: log)
                return (LoopBound(client, on: loop), LoopBound(sender, on: loop))
            }
            return Reports(loop: loop, client: client, webhooks: webhooks, spool: spool)
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
    func tell(_ event: CallEvent) { loop.execute { [webhooks] in webhooks.value.tell(event) } }

    /// Waits for what is under way, but not long, and ends.
    func finish() async {
        let (loop, webhooks, client) = (loop, webhooks, client)
        await withCheckedContinuation { continuation in
            loop.execute {
                let end = OnceOnly { continuation.resume() }
                let timer = LoopTimer(loop: loop) { end.run() }
                timer.arm(after: Self.patience)
                end.timer = timer
                webhooks.value.whenIdle { end.run() }
            }
        }
        await loop.run {
            webhooks.value.close()
            client.value.close()
        }
        loop.stop()
        loop.join()
        spool?.close()
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
