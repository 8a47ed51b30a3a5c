internal import Bridge
internal import Observability

/// The sessions of one loop that a later connection can continue, by the first parts of their tokens.
///
/// Belongs to the loop's thread.
final class ResumableSessions {
    /// Sessions that wait for their clients; beyond it a session whose connection breaks ends.
    static let maximumAbsent = 1000

    private struct Entry {
        let session: BridgeSession
        weak var client: SocketClient?
    }

    private var entries: [String: Entry] = [:]
    private var absentKeys: Set<String> = []

    /// The session of a token.
    subscript(token: String) -> BridgeSession? { entries[ResumeToken.key(of: token)]?.session }

    /// The first parts of all tokens.
    var keys: [String] { Array(entries.keys) }

    func session(of key: String) -> BridgeSession? { entries[key]?.session }

    /// The sessions that wait for their clients.
    var absent: [BridgeSession] { absentKeys.compactMap { entries[$0]?.session } }

    /// - Parameter key: the first parts of its token.
    func add(_ session: BridgeSession, of client: SocketClient, _ key: String) {
        entries[key] = Entry(session: session, client: client)
    }

    func remove(_ key: String) {
        entries[key] = nil
        absentKeys.remove(key)
    }

    /// A session's socket broke: it waits for another one, if it may.
    func clientLost(_ session: BridgeSession, _ key: String, _ loss: ClientLoss, _ log: Log) {
        guard absentKeys.count < Self.maximumAbsent else {
            log.warning("too many sessions wait for their clients", ["limit": Self.maximumAbsent])
            return session.clientLost(loss, mayResume: false)
        }
        session.clientLost(loss)
        guard session.isClientAbsent else { return }
        absentKeys.insert(key)
        log.info("client lost", ["reason": loss.rawValue])
    }

    /// Gives a session to the client's new socket; nil when it is over.
    func resume(_ token: String, with client: SocketClient) -> BridgeSession? {
        let key = ResumeToken.key(of: token)
        guard let entry = entries[key] else { return nil }
        let old = entry.client
        guard entry.session.resume(with: client) else { return nil }
        // Its socket is closing by now; how that ends is no affair of the session.
        old?.giveUpSession()
        entries[key]?.client = client
        absentKeys.remove(key)
        return entry.session
    }
}
