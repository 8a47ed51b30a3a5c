import VoiceGateway

/// Reads a command line as the program does.
func invoke(
    _ line: String, environment: [String: String] = [:], file: String? = nil
) throws(UsageError) -> Invocation {
    try Invocation(arguments: line.split(separator: " ").map(String.init), environment: environment) {
        $0 == Settings.defaultFile ? file : nil
    }
}

/// The mistakes of a command line.
func mistakes(_ line: String, environment: [String: String] = [:], file: String? = nil) -> [String] {
    do throws(UsageError) {
        _ = try invoke(line, environment: environment, file: file)
        return []
    } catch {
        return error.mistakes
    }
}

/// The environment of somebody who has a LiveKit deployment.
let deployment = ["LIVEKIT_URL": "wss://x.test", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"]

/// The configuration that `serve` would run with.
func serve(
    _ line: String = "", environment: [String: String] = [:], file: String? = nil
) throws -> GatewayConfiguration {
    guard case .serve(let request) = try invoke("serve " + line, environment: environment, file: file)
    else { throw UsageError(["not serve"]) }
    return request.configuration
}

/// What `serve` would warn about.
func warnings(_ line: String = "", environment: [String: String] = [:], file: String? = nil) throws
    -> [String]
{
    guard case .serve(let request) = try invoke("serve " + line, environment: environment, file: file)
    else { throw UsageError(["not serve"]) }
    return request.warnings
}
