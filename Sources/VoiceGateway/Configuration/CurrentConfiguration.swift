internal import EventLoops

/// The configuration that counts at the moment. Whoever begins something asks anew, and what has begun goes on as it began.
///
/// Shared by threads.
package final class CurrentConfiguration: Sendable {
    private let configuration: Locked<GatewayConfiguration>

    package init(_ configuration: GatewayConfiguration) { self.configuration = Locked(configuration) }

    package var value: GatewayConfiguration { configuration.withLock { $0 } }

    /// A part of it, for those who ask often.
    func part<Part>(_ part: (GatewayConfiguration) -> Part) -> Part { configuration.withLock { part($0) } }

    func replace(by new: GatewayConfiguration) { configuration.withLock { $0 = new } }
}
