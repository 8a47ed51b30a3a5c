internal import ClientProtocol
internal import EventLoops
internal import Observability
internal import SecureTransport

/// Reads the settings again when the operator says so, and has them take effect for what begins from then on. Settings
/// that are wrong change nothing.
///
/// Belongs to the task that hears signals.
final class SettingsReload {
    private var request: ServeRequest
    private let environment: GatewayEnvironment
    private let loops: ServingLoops
    /// The last keys that there were, so that a key keeps its number.
    private var keys: APIKeys?
    private let isGood: Gauge

    init(_ request: ServeRequest, _ environment: GatewayEnvironment, _ loops: ServingLoops) {
        self.request = request
        self.environment = environment
        self.loops = loops
        keys = request.configuration.access.apiKeys
        isGood = environment.metrics.gauge(
            "voicegateway_settings_reload_successful",
            help: "1 unless the settings were wrong when they were read last.")
        isGood.set(1)
    }

    /// Returns when all loops go by the new settings, or it is clear that there are none.
    func run() async {
        let reread: ServeRequest.Reread
        do throws(UsageError) {
            reread = try request.reread(TextFile.read)
            try useCertificate(reread.request.configuration)
        } catch {
            isGood.set(0)
            for mistake in error.mistakes {
                environment.log.error("settings not read again, the old ones stay", ["mistake": mistake])
            }
            return
        }
        isGood.set(1)
        request = reread.request
        await apply(request.configuration, reread)
    }

    private func useCertificate(_ configuration: GatewayConfiguration) throws(UsageError) {
        guard let tls = configuration.tls else { return }
        do throws(SecureTransportError) {
            try environment.certificate?.use(tls)
        } catch {
            throw UsageError(["TLS_CERT, TLS_KEY or TLS_CLIENT_CA: \(error)."])
        }
    }

    private func apply(_ configuration: GatewayConfiguration, _ reread: ServeRequest.Reread) async {
        var configuration = configuration
        if let new = configuration.access.apiKeys {
            configuration.access.apiKeys = keys.map(new.following) ?? new
            keys = configuration.access.apiKeys
        }
        let log = environment.log
        let levels = (environment.current.part(\.logLevel), configuration.logLevel)
        environment.current.replace(by: configuration)
        environment.admission.configurationChanged()
        await loops.each { $0.configurationChanged() }
        log.setMinimumLevel(min(levels.0, levels.1))
        log.info("settings read again", ["changed": reread.changed.joined(separator: ",")])
        if !reread.waiting.isEmpty {
            log.warning(
                "these settings have changed and count after a restart",
                ["settings": reread.waiting.joined(separator: ",")])
        }
        for warning in request.warnings { log.warning("settings", ["warning": warning]) }
        log.setMinimumLevel(levels.1)
    }
}
