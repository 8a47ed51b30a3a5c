package import EventLoops
package import Observability
internal import Wire

/// Keeps events that wait on the disk, by a thread of its own, so that a restart goes on with them.
///
/// Shared by threads.
package final class WebhookSpool: Sendable {
    /// What stood in a spool when it was opened.
    package struct Contents: Sendable {
        /// In the order in which they happened.
        package var deliveries: [WebhookDelivery] = []
        /// Files that could not be used, and are now called `….damaged`.
        package var damaged = 0
        /// Files beyond what may wait, which are left where they are.
        package var leftOver = 0
    }

    private static let damagedSuffix = ".damaged"
    /// Files to be written or removed; beyond it the disk is too slow, and events wait in memory alone.
    private static let maximumBacklog = WebhookQueue.maximumWaiting

    private let directory: SpoolDirectory
    private let receivers: [String]
    private let thread: EventLoop
    private let backlog = Locked(0)
    private let unstored: Counter
    private let notice = RepeatedNotice(every: .seconds(60))
    private let log: Log

    /// - Parameters:
    ///   - receivers: the names of the URLs.
    ///   - unstored: counts events that could not be kept.
    package init(_ directory: SpoolDirectory, receivers: [String], unstored: Counter, log: Log) throws(EventLoopError) {
        self.directory = directory
        self.receivers = receivers
        self.unstored = unstored
        self.log = log
        thread = try EventLoop(name: "spool")
        try thread.start()
    }

    /// Reads what an earlier process has left. Blocks.
    package static func read(
        _ directory: SpoolDirectory, receivers: [String]
    ) throws(SpoolDirectory.Failure) -> Contents {
        var contents = Contents()
        var files: [(name: String, number: UInt64)] = []
        for name in try directory.names() {
            if let number = SpoolRecord.number(in: name) {
                files.append((name, number))
            } else if name.hasSuffix(SpoolDirectory.draftSuffix),
                SpoolRecord.number(in: String(name.dropLast(SpoolDirectory.draftSuffix.count))) != nil
            {
                directory.remove(name)
            }
        }
        files.sort { $0.number < $1.number }
        contents.leftOver = max(0, files.count - WebhookQueue.maximumWaiting)
        for (name, number) in files.prefix(WebhookQueue.maximumWaiting) {
            let content = try? directory.read(name, upTo: SpoolRecord.maximumBytes)
            if let content,
                let delivery = WebhookSpoolFile.delivery(number: number, content: content, receivers: receivers)
            {
                contents.deliveries.append(delivery)
            } else {
                directory.rename(name, to: name + damagedSuffix)
                contents.damaged += 1
            }
        }
        return contents
    }

    package func store(_ delivery: WebhookDelivery) {
        work { [receivers, directory] () throws(SpoolDirectory.Failure) in
            let content = WebhookSpoolFile.content(of: delivery, receiver: receivers[delivery.receiver])
            guard content.count <= SpoolRecord.maximumBytes else {
                throw SpoolDirectory.Failure("the event is larger than \(SpoolRecord.maximumBytes) bytes")
            }
            try directory.write(SpoolRecord.name(of: delivery.number), content)
        }
    }

    package func remove(_ delivery: WebhookDelivery) {
        work { [directory] in directory.remove(SpoolRecord.name(of: delivery.number)) }
    }

    private func work(_ body: @escaping @Sendable () throws(SpoolDirectory.Failure) -> Void) {
        let isTaken = backlog.withLock { backlog in
            guard backlog < Self.maximumBacklog else { return false }
            backlog += 1
            return true
        }
        guard isTaken else { return failed("the disk is too slow") }
        thread.execute { [self] in
            do throws(SpoolDirectory.Failure) { try body() } catch { failed(error.reason) }
            backlog.withLock { $0 -= 1 }
        }
    }

    private func failed(_ reason: String) {
        unstored.add()
        guard let count = notice.note(now: EventLoop.clock()) else { return }
        log.error("webhooks not kept on the disk: a restart loses them", ["error": reason, "count": count])
    }

    /// Returns when everything is written. Blocks.
    package func close() {
        thread.stop()
        thread.join()
    }
}
