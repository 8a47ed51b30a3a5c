/// What `VoiceGateway doctor` shall do.
package struct DoctorRequest: Hashable, Sendable {
    /// Its options besides the settings of `serve`.
    package static let options = [
        Option("text", value: "TEXT", "what the agent is asked when it does not greet (default \"\(standardText)\")"),
        Option("play", value: "FILE", "speak a WAV file to the agent besides"),
        Option(
            "patience", value: "SECONDS",
            "how long to wait for the agent, and for its answer (default \(Int(standardPatience)))"),
        Option("json", "print one JSON object at the end"),
    ]

    static let standardText = "Hello"
    static let standardPatience = 20.0
    static let maximumPatience = 600.0

    /// The settings of `serve`, or the mistakes in them.
    package let settings: Result<ServeRequest, UsageError>
    package let text: String
    package let play: String?
    package let patience: Duration
    package let showsJSON: Bool

    /// - Parameter settings: with the settings file still to be read. Throws when the options of the examination itself are
    ///   wrong; what is wrong with the settings is a finding.
    package init(_ settings: Settings, readFile: (String) throws(FileError) -> String?) throws(UsageError) {
        var settings = settings
        text = settings.options["text"] ?? Self.standardText
        play = settings.options["play"]
        showsJSON = settings.options.contains("json")
        var patience = Self.standardPatience
        if let text = settings.options["patience"] {
            let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
            if let seconds = Double(digits), seconds > 0, seconds <= Self.maximumPatience {
                patience = seconds
            } else {
                settings.add(
                    "--patience is \"\(text)\", but it must be a number of seconds up to \(Int(Self.maximumPatience)).")
            }
        }
        self.patience = .milliseconds(Int64(patience * 1000))
        for name in ["text", "play"] where settings.options[name] == "" {
            settings.add("--\(name) must not be empty.")
        }
        try settings.finish()
        settings.readFile(readFile)
        do throws(UsageError) {
            self.settings = .success(try ServeRequest(settings, readFile: readFile))
        } catch {
            self.settings = .failure(error)
        }
    }
}
