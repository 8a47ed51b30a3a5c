internal import AudioCodec
internal import ClientProtocol
internal import EventLoops
internal import HTTP
internal import SecureTransport
internal import WebSocket
internal import Wire

/// `VoiceGateway call`: talks to a gateway from the command line.
///
/// Ends with 0 when the reply has been heard (or nothing was asked), 1 when the call failed, 2 when it was asked for
/// wrongly, 3 when no reply came, 130 when it was interrupted.
enum CallCommand {
    static let failed: Int32 = 1
    static let noReply: Int32 = 3
    static let interrupted: Int32 = 130

    static func run(_ request: CallRequest) async -> Int32 {
        let prepared: Prepared
        do throws(UsageError) {
            prepared = try Prepared(request)
        } catch {
            for mistake in error.mistakes { Console.complain(mistake) }
            return UsageError.exitCode
        }
        let end: CallSession.End
        do throws(EventLoopError) {
            end = try await talk(prepared)
        } catch {
            Console.complain("The call cannot start: \(error).")
            return failed
        }
        prepared.recorder?.close()
        if let recorder = prepared.recorder, recorder.failure == nil {
            Console.note("\(CallEventText.seconds(recorder.duration)) of sound in \(recorder.path)", request)
        }
        return exitCode(end, request)
    }

    // SAFETY: made before the loop has it, used on the loop during the call, and afterwards here alone.
    private struct Prepared: @unchecked Sendable {
        let request: CallRequest
        let url: HTTPURL
        let speech: CallSpeech
        let hearing: CallHearing
        let recorder: CallRecorder?
        let trust: TLSClientContext?

        init(_ request: CallRequest) throws(UsageError) {
            self.request = request
            let session = request.session
            var sampleRate: Int?
            if let path = request.play {
                let file = try CallFile.read(path)
                do throws(CallSpeech.Failure) {
                    let namesRate = request.parameters.contains { $0.name == "sample_rate" }
                    speech = try CallSpeech(file: file, wanted: session.input, keepsRate: !namesRate)
                } catch {
                    throw UsageError(["\(path) cannot be played: \(error.reason)."])
                }
                sampleRate = speech.format.sampleRate
            } else {
                do throws(CallSpeech.Failure) {
                    speech = try CallSpeech(silenceIn: session.input)
                } catch {
                    throw UsageError(["The session parameters do not fit together: \(error.reason)."])
                }
            }
            do throws(AudioCodecError) {
                hearing = try CallHearing(session.output)
            } catch {
                throw UsageError(["The session parameters do not fit together: \(error)."])
            }
            url = request.address(sampleRate: sampleRate)
            do throws(SecureTransportError) {
                trust = try request.certificateFile.map { path throws(SecureTransportError) in
                    try TLSClientContext(trusting: .file(path))
                }
            } catch {
                throw UsageError(["--ca-file: \(error)."])
            }
            // Last, so that no mistake elsewhere empties a file.
            do throws(CallRecorder.Failure) {
                recorder = try request.record.map { path throws(CallRecorder.Failure) in
                    try CallRecorder(path: path, sampleRate: session.output.sampleRate)
                }
            } catch {
                throw UsageError(["\(request.record ?? "") cannot be written: \(error.reason)."])
            }
        }
    }

    private static func talk(_ prepared: Prepared) async throws(EventLoopError) -> CallSession.End {
        let end: CallSession.End? = try await CommandLoop.run(name: "call") { loop, completion in
            let session = CallSession(
                loop: loop, request: prepared.request, speech: prepared.speech, hearing: prepared.hearing,
                recorder: prepared.recorder, completion: completion)
            session.start(to: prepared.url, context: WebSocketContext(loop: loop, trust: prepared.trust))
            return session
        } interrupt: {
            $0.interrupt()
        }
        return end ?? .hungUp(.interrupted)
    }

    private static func exitCode(_ end: CallSession.End, _ request: CallRequest) -> Int32 {
        switch end {
        case .hungUp(.replied): return 0
        case .hungUp(.noReply):
            Console.complain("No reply came.")
            return noReply
        case .hungUp(.timeIsOver(let replied)):
            if request.speaks, !replied {
                Console.complain("No reply came in the time that --duration allows.")
                return noReply
            }
            return 0
        case .hungUp(.interrupted): return request.speaks ? interrupted : 0
        case .couldNotConnect(let error):
            Console.complain("\(request.shownAddress) cannot be reached: \(CallEventText.clean(error.description)).")
            return failed
        case .closedByGateway(let closure):
            if closure.code == .normal, !request.speaks { return 0 }
            let reason = closure.reason.isEmpty ? "" : ": \(CallEventText.clean(closure.reason))"
            Console.complain("The gateway ended the call (\(closure.code.rawValue)\(reason)).")
            return failed
        }
    }
}

extension Console {
    /// A remark: with the events, or beside them when those are for programs.
    fileprivate static func note(_ text: String, _ request: CallRequest) {
        if request.showsJSON { complain(text) } else { print(CallEventText.row("call", text) + "\n") }
    }
}
