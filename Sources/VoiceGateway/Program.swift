internal import Glibc
internal import Observability
internal import SecureTransport
internal import Signalling

/// The program: finds out what is asked for, does it, and ends with 0 (done), 1 (failed) or 2 (asked wrongly).
@main
enum Program {
    static func main() async {
        exit(await run(arguments: Array(CommandLine.arguments.dropFirst()), environment: environment()))
    }

    private static func run(arguments: [String], environment: [String: String]) async -> Int32 {
        let invocation: Invocation
        do throws(UsageError) {
            invocation = try Invocation(arguments: arguments, environment: environment, readFile: TextFile.read)
        } catch {
            for mistake in error.mistakes { Console.complain(mistake) }
            warn(error.warnings)
            return UsageError.exitCode
        }
        switch invocation {
        case .print(let text):
            Console.print(text)
            return 0
        case .token(let request):
            Console.print(TokenCommand.sign(request, now: UnixClock.seconds(), .openSSL) + "\n")
            return 0
        case .checkConfig(let text, let warnings):
            Console.print(text)
            warn(warnings)
            return 0
        case .serve(let request):
            warn(request.warnings)
            return await ServeCommand.run(request)
        case .devServer(let configuration):
            return await DevServerCommand.run(configuration)
        case .call(let request):
            return await CallCommand.run(request)
        case .load(let request):
            return await LoadCommand.run(request)
        case .top(let request):
            return await TopCommand.run(request)
        case .doctor(let request):
            if case .success(let serving) = request.settings { warn(serving.warnings) }
            return await DoctorCommand.run(request)
        }
    }

    private static func warn(_ warnings: [String]) {
        for warning in warnings { Console.complain("Warning: \(warning)") }
    }

    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        // SAFETY: nothing changes the environment while it is read.
        var entry = unsafe environ
        // SAFETY: environ is a list of C strings that ends with nil; nobody changes it this early.
        while let text = unsafe entry.pointee {
            let parts = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe entry += 1
        }
        return variables
    }
}
