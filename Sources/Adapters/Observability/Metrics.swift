internal import Glibc
internal import Synchronization

/// A number that only grows: calls, packets, errors. Any thread may add to it.
package final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    package init() {}

    package func add(_ amount: Int = 1) { value.wrappingAdd(amount, ordering: .relaxed) }

    package var current: Int { value.load(ordering: .relaxed) }
}

/// A number that goes up and down: open calls, waiting messages. Any thread may change it.
package final class Gauge: Sendable {
    private let value = Atomic<Int>(0)

    package func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }

    package func add(_ amount: Int) { value.wrappingAdd(amount, ordering: .relaxed) }

    package var current: Int { value.load(ordering: .relaxed) }
}

/// All counters, gauges and histograms of the process, for a snapshot in the text format of Prometheus.
///
/// Ask for a metric once and keep it: looking one up takes a lock, counting does not.
// SAFETY: the families are read and written under the mutex, whose memory lives until deinit.
@safe
package final class Metrics: @unchecked Sendable {
    /// Labels tell metrics of one name apart. Only for values from a small fixed set (a reason, a direction): each
    /// combination stays for the life of the process.
    package typealias Labels = KeyValuePairs<StaticString, String>

    private enum Kind {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    private struct Family {
        let type: String
        let help: String
        /// Written labels, in order of first use.
        var metrics: [(labels: String, kind: Kind)] = []
    }

    // SAFETY: guarded by the mutex. A pthread one, because ThreadSanitizer does not know Synchronization's.
    private var families: [String: Family] = [:]
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        // SAFETY: the mutex does not move, and is freed in deinit, when nobody holds it.
        unsafe mutex = .allocate(capacity: 1)
        // SAFETY: on the heap at one address until deinit.
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        // SAFETY: nobody can hold it any more.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// The counter of that name and labels, made at the first call. Prometheus wants names to end in `_total`.
    package func counter(_ name: StaticString, help: StaticString, labels: Labels = [:]) -> Counter {
        let kind = metric(name, type: "counter", help: help, labels: labels) { .counter(Counter()) }
        guard case .counter(let counter) = kind else { preconditionFailure("\(name) is no counter") }
        return counter
    }

    /// A counter for each of these values, which one label tells apart.
    package func counters<Value: Hashable>(
        _ name: StaticString, help: StaticString, label: StaticString, of values: [Value], text: (Value) -> String
    ) -> [Value: Counter] {
        Dictionary(uniqueKeysWithValues: values.map { ($0, counter(name, help: help, labels: [label: text($0)])) })
    }

    /// The gauge of that name and labels, made at the first call.
    package func gauge(_ name: StaticString, help: StaticString, labels: Labels = [:]) -> Gauge {
        let kind = metric(name, type: "gauge", help: help, labels: labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = kind else { preconditionFailure("\(name) is no gauge") }
        return gauge
    }

    /// The histogram of that name and labels, made at the first call. Prometheus wants names to end in `_seconds`.
    package func histogram(_ name: StaticString, help: StaticString, labels: Labels = [:]) -> Histogram {
        let kind = metric(name, type: "histogram", help: help, labels: labels) { .histogram(Histogram()) }
        guard case .histogram(let histogram) = kind else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    private func metric(
        _ name: StaticString, type: String, help: StaticString, labels: Labels, make: () -> Kind
    ) -> Kind {
        let labels = Self.write(labels)
        // SAFETY: the mutex does not move, and is freed in deinit, when nobody holds it.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var family = families[name.description] ?? Family(type: type, help: help.description)
        if let known = family.metrics.first(where: { $0.labels == labels }) { return known.kind }
        let made = make()
        family.metrics.append((labels, made))
        families[name.description] = family
        return made
    }

    /// Everything in the Prometheus text format, ordered by name.
    package func snapshot() -> String {
        // SAFETY: the mutex does not move, and is freed in deinit, when nobody holds it.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for (labels, kind) in family.metrics {
                switch kind {
                case .counter(let counter): text += "\(name)\(labels) \(counter.current)\n"
                case .gauge(let gauge): text += "\(name)\(labels) \(gauge.current)\n"
                case .histogram(let histogram): text += Self.lines(name, labels, histogram)
                }
            }
        }
        return text
    }

    private static func lines(_ name: String, _ labels: String, _ histogram: Histogram) -> String {
        let (counts, sum) = histogram.cumulative
        let others = labels.isEmpty ? "" : labels.dropFirst().dropLast() + ","
        var text = ""
        for (place, count) in counts.enumerated() {
            let end = place < Histogram.steps.count ? "\(Double(Histogram.steps[place]) / 1_000_000)" : "+Inf"
            text += "\(name)_bucket{\(others)le=\"\(end)\"} \(count)\n"
        }
        text += "\(name)_sum\(labels) \(Double(sum) / 1_000_000)\n"
        return text + "\(name)_count\(labels) \(counts.last ?? 0)\n"
    }

    private static func write(_ labels: Labels) -> String {
        if labels.isEmpty { return "" }
        let parts = labels.map { key, value in
            var escaped = ""
            for character in value.unicodeScalars {
                switch character {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.unicodeScalars.append(character)
                }
            }
            return "\(key)=\"\(escaped)\""
        }
        return "{" + parts.joined(separator: ",") + "}"
    }
}
