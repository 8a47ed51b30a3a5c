internal import ByteStreams
package import EventLoops
package import RESP
package import SecureTransport
internal import Wire

/// One connection to a Redis server: commands go out as they come, answers come back in their order.
///
/// Belongs to the loop's thread.
package final class RedisConnection {
    package typealias Completion = (Result<RESPValue, RedisError>) -> Void

    /// How long the server may take to be connected, and for an answer.
    package static let timeout = Duration.seconds(2)

    private let loop: EventLoop
    private let address: RedisAddress
    private let authorities: TLSClientContext
    private var resolution: NameResolution?
    private var candidates: [TransportAddress] = []
    private var connecting: TCPConnection?
    private var stream: ByteStream?
    private var parser = RESPParser()
    private var pending = FIFO<Completion>()
    private var timer: LoopTimer?
    /// Gets what is published at the channels to which we listen.
    private var onMessage: (([UInt8]) -> Void)?
    /// Called once, unless it is closed before.
    private var onEnd: ((RedisError) -> Void)?

    package init(loop: EventLoop, address: RedisAddress, authorities: TLSClientContext) {
        self.loop = loop
        self.address = address
        self.authorities = authorities
    }

    /// - Parameters:
    ///   - opened: the server has let us in.
    ///   - ended: called once, before or after that; commands that were not answered have failed by then.
    package func open(opened: @escaping () -> Void, ended: @escaping (RedisError) -> Void) {
        onEnd = ended
        let timer = LoopTimer(loop: loop) { [unowned self] in end(.timedOut) }
        timer.arm(after: Self.timeout)
        self.timer = timer
        resolution = loop.resolve(host: address.host, port: address.port) { [weak self] result in
            guard let self else { return }
            resolution = nil
            switch result {
            case .success(let found):
                candidates = found.reversed()
                connect(opened, after: "no address is known for \(address.host)")
            case .failure(let error): end(.unreachable("\(error)"))
            }
        }
    }

    /// Sends a command. After the end it fails at once.
    package func send(_ words: [String], completion: @escaping Completion) {
        send(words.map { Array($0.utf8) }, completion: completion)
    }

    /// Sends a command whose words may be any bytes.
    package func send(_ words: [[UInt8]], completion: @escaping Completion) {
        guard let stream else { return completion(.failure(.disconnected)) }
        if pending.isEmpty { timer?.arm(after: Self.timeout) }
        pending.append(completion)
        stream.write(RESPCommand.encode(words))
    }

    /// Listens to a channel. Redis takes nothing but `PING` on this connection from then on.
    ///
    /// - Parameter onMessage: called with each message, until the end.
    package func subscribe(
        to channel: String, onMessage: @escaping ([UInt8]) -> Void, completion: @escaping Completion
    ) {
        self.onMessage = onMessage
        send(["SUBSCRIBE", channel], completion: completion)
    }

    /// Commands that are not answered yet fail.
    package func close() {
        onEnd = nil
        end(.disconnected)
    }

    // MARK: Opening

    private func connect(_ opened: @escaping () -> Void, after why: String) {
        guard let candidate = candidates.popLast() else { return end(.unreachable(why)) }
        do throws(EventLoopError) {
            let tcp = try TCPConnection(loop: loop)
            connecting = tcp
            tcp.connect(to: candidate, timeout: Self.timeout) { [weak self, weak tcp] result in
                guard let self, let tcp else { return }
                connecting = nil
                switch result {
                case .success: secure(tcp, opened)
                case .failure(let error): connect(opened, after: "\(error)")
                }
            }
        } catch {
            end(.unreachable("\(error)"))
        }
    }

    private func secure(_ tcp: TCPConnection, _ opened: @escaping () -> Void) {
        var session: TLSSession?
        if address.isSecure {
            do throws(SecureTransportError) {
                session = try TLSSession(authorities, host: address.host)
            } catch {
                tcp.close()
                return end(.insecure("\(error)"))
            }
        }
        let stream = ByteStream(tcp, session: session)
        self.stream = stream
        stream.delegate = Events(self)
        stream.startTLS()
        introduce(opened)
    }

    /// What is written before TLS is agreed upon waits for it.
    private func introduce(_ opened: @escaping () -> Void) {
        if let password = address.password {
            let user = address.user.isEmpty ? [] : [address.user]
            send(["AUTH"] + user + [password]) { [weak self] in self?.check($0) }
        }
        if address.database != 0 { send(["SELECT", "\(address.database)"]) { [weak self] in self?.check($0) } }
        send(["PING"]) { [weak self] result in
            if self?.check(result) == true { opened() }
        }
    }

    @discardableResult
    private func check(_ result: Result<RESPValue, RedisError>) -> Bool {
        switch result {
        case .failure: return false
        case .success(.error(let words)):
            end(.refused(String(decoding: words.prefix(200), as: UTF8.self)))
            return false
        case .success: return true
        }
    }

    // MARK: Bytes

    private func received(_ bytes: RawSpan) {
        parser.append([UInt8](copying: bytes))
        while stream != nil {
            do throws(RESPError) {
                guard let value = try parser.next() else { return }
                if let onMessage, let message = Self.message(value) {
                    onMessage(message)
                    continue
                }
                guard let completion = pending.popFirst() else {
                    return end(.notRedis("an answer that nobody asked for"))
                }
                if pending.isEmpty { timer?.cancel() } else { timer?.arm(after: Self.timeout) }
                completion(.success(value))
            } catch {
                end(.notRedis("\(error)"))
            }
        }
    }

    /// What was published (`message`, the channel, the content); nil for an answer.
    private static func message(_ value: RESPValue) -> [UInt8]? {
        guard let parts = value.array, parts.count == 3, parts[0].text == "message" else { return nil }
        return parts[2].bytes
    }

    private func end(_ error: RedisError) {
        timer?.cancel()
        timer = nil
        resolution?.cancel()
        resolution = nil
        connecting?.close()
        connecting = nil
        stream?.close()
        stream = nil
        onMessage = nil
        while let completion = pending.popFirst() { completion(.failure(error)) }
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?(error)
    }

    /// The stream holds its delegate; it shall not hold the connection.
    private final class Events: ByteStreamDelegate {
        private weak var connection: RedisConnection?

        init(_ connection: RedisConnection) { self.connection = connection }

        func streamReceived(_ bytes: inout MutableRawSpan) { connection?.received(bytes.bytes) }
        func streamSecured() {}
        func streamDrained() {}

        func streamEnded(_ failure: ByteStreamFailure?) {
            switch failure {
            case .tls(let failure)?: connection?.end(.insecure("\(failure)"))
            case .network?, nil: connection?.end(.disconnected)
            }
        }
    }
}
