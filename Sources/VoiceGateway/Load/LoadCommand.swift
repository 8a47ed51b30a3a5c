internal import AudioCodec
internal import EventLoops
internal import Glibc
internal import LoadGenerator
internal import SecureTransport
internal import WebSocket
internal import Wire

/// `VoiceGateway load`: many clients at once, and figures about what a gateway makes of them.
///
/// Ends with 0 when the figures may be believed, 1 when a check failed or the test could not run, 2 when it was asked for
/// wrongly, 130 when it was interrupted.
enum LoadCommand {
    static let failed: Int32 = 1
    static let interrupted: Int32 = 130

    static func run(_ request: LoadRequest) async -> Int32 {
        let speech: LoadSpeech
        do throws(AudioCodecError) {
            speech = try LoadSpeech(isOpus: request.plan.isOpus)
        } catch {
            Console.complain("The speech cannot be made: \(error).")
            return failed
        }
        let trust: TLSClientContext?
        do throws(SecureTransportError) {
            trust = try request.certificateFile.map { path throws(SecureTransportError) in
                try TLSClientContext(trusting: .file(path))
            }
        } catch {
            Console.complain("--ca-file: \(error).")
            return UsageError.exitCode
        }
        OpenFiles.raiseLimit()
        var plan = request.plan
        var random = SecureRandom()
        plan.name = "load-" + String(UInt32.random(in: 0...UInt32.max, using: &random), radix: 16)
        let finished: LoadResult?
        do throws(EventLoopError) {
            finished = try await measure(plan, speech, trust)
        } catch {
            Console.complain("The test cannot start: \(error).")
            return failed
        }
        guard let result = finished else { return interrupted }
        Console.print(result.text)
        if let path = request.json, let reason = write(result.json.serialized() + "\n", to: path) {
            Console.complain("\(path) cannot be written: \(reason).")
            return failed
        }
        if result.isInterrupted { return interrupted }
        return result.isValid ? 0 : failed
    }

    private static func measure(
        _ plan: LoadPlan, _ speech: LoadSpeech, _ trust: TLSClientContext?
    ) async throws(EventLoopError) -> LoadResult? {
        try await CommandLoop.run(name: "load") { loop, completion in
            let generator = LoadGenerator(
                plan, speech: speech, context: WebSocketContext(loop: loop, trust: trust)
            ) { stage in
                Console.complain("\(stage.rawValue)")
            } completion: {
                completion($0)
            }
            generator.start()
            return generator
        } interrupt: {
            $0.interrupt()
        }
    }

    /// Returns why it could not be done.
    private static func write(_ text: String, to path: String) -> String? {
        // SAFETY: the path and the bytes are read during the calls only.
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return unsafe String(cString: strerror(errno)) }
        defer { _ = close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // SAFETY: pointer and count describe the same buffer.
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return unsafe String(cString: strerror(errno)) }
            rest = rest.dropFirst(max(count, 0))
        }
        return nil
    }
}
