internal import EventLoops
internal import Glibc
package import Observability
package import SecureTransport
internal import Wire

/// The certificate with which the gateway serves, read anew when its files change: who renews it need not restart anything.
/// Connections that there are keep the one with which they began.
package final class ServerCertificate: Sendable {
    /// How often the files are looked at.
    static let interval = Duration.seconds(3)

    /// What tells a file from the one that stood there before.
    private struct Version: Hashable {
        var modified = 0
        var modifiedNanoseconds = 0
        var size = 0
        var node: UInt64 = 0

        init(of path: String) {
            var status = stat()
            // SAFETY: the structure is ours. Symbolic links are followed, as Kubernetes swaps them.
            guard unsafe stat(path, &status) == 0 else { return }
            modified = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
            size = Int(status.st_size)
            node = UInt64(status.st_ino)
        }
    }

    private struct State {
        var context: TLSServerContext
        var settings: TLSSettings
        var versions: [Version]
    }

    private let log: Log
    private let state: Locked<State>

    package init(_ settings: TLSSettings, log: Log) throws(SecureTransportError) {
        self.log = log
        let versions = Self.versions(settings)
        state = Locked(State(context: try Self.load(settings), settings: settings, versions: versions))
    }

    /// For new connections.
    package var context: TLSServerContext { state.withLock { $0.context } }

    /// Uses other files from now on, if they can be used.
    package func use(_ settings: TLSSettings) throws(SecureTransportError) {
        let versions = Self.versions(settings)
        guard state.withLock({ $0.settings != settings || $0.versions != versions }) else { return }
        let context = try Self.load(settings)
        state.withLock { $0 = State(context: context, settings: settings, versions: versions) }
        log.info("certificate read again", ["file": settings.certificate])
    }

    /// Reads the files again if they have changed. What cannot be used changes nothing.
    package func refresh() {
        let (settings, known) = state.withLock { ($0.settings, $0.versions) }
        let versions = Self.versions(settings)
        guard versions != known else { return }
        do throws(SecureTransportError) {
            let context = try Self.load(settings)
            state.withLock { state in
                // Meanwhile others may have been named.
                guard state.settings == settings else { return }
                state = State(context: context, settings: settings, versions: versions)
            }
            log.info("certificate read again", ["file": settings.certificate])
        } catch {
            // One complaint for each state of the files: they may be in the middle of being replaced.
            state.withLock { $0.versions = versions }
            log.error("new certificate not used, the old one stays", ["error": "\(error)"])
        }
    }

    private static func load(_ settings: TLSSettings) throws(SecureTransportError) -> TLSServerContext {
        try TLSServerContext(
            certificate: settings.certificate, key: settings.key, clientAuthorities: settings.clientAuthorities)
    }

    private static func versions(_ settings: TLSSettings) -> [Version] {
        [settings.certificate, settings.key, settings.clientAuthorities].compactMap { $0.map { Version(of: $0) } }
    }
}
