internal import EventLoops
internal import HTTP
internal import SecureTransport

/// `VoiceGateway top`: the calls of a gateway in a terminal, over its admin API.
///
/// Ends with 0 when it was told to, 1 when the gateway cannot be asked, 2 when it was asked for wrongly.
enum TopCommand {
    static func run(_ request: TopRequest) async -> Int32 {
        let authorities: TLSClientContext
        do throws(SecureTransportError) {
            authorities = try TLSClientContext(trusting: request.certificateFile.map { .file($0) } ?? .system)
        } catch {
            Console.complain("--ca-file: \(error).")
            return UsageError.exitCode
        }
        do throws(EventLoopError) {
            let end: TopSession.End? = try await CommandLoop.run(name: "top") { loop, completion in
                let client = AdminClient(loop: loop, url: request.url, key: request.key, authorities: authorities)
                let session = TopSession(loop: loop, request: request, client: client, completion: completion)
                session.start()
                return session
            } interrupt: {
                $0.interrupt()
            }
            guard case .failed(let failure) = end else { return 0 }
            Console.complain("The gateway at \(request.url.origin) cannot be asked: \(failure.reason).")
            return 1
        } catch {
            Console.complain("It cannot start: \(error).")
            return 1
        }
    }
}
