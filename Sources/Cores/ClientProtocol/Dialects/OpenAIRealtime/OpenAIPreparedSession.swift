package import Wire

/// A session of OpenAI's Realtime API that was asked for before its client connects.
package struct OpenAIPreparedSession: Hashable, Sendable {
    /// In the words of the gateway's session parameters.
    package let parameters: JSONObject
    /// What it will be.
    package let session: JSONValue
    /// Why it cannot be; nil when it can.
    package let mistake: String?
    /// What of it has no effect, in sentences.
    package let warnings: [String]
}

extension OpenAIRealtimeDialect {
    /// Reads the session that a backend asks for on behalf of a client.
    package static func prepare(_ wanted: JSONObject) -> OpenAIPreparedSession {
        var session = OpenAISession()
        var wanted = wanted
        if let model = wanted["model"]?.string, let agent = OpenAISession.agent(of: model) {
            session.model = agent
            wanted["model"] = nil
        }
        var changes = session.read(wanted)
        if session.isManual || !session.transcribes {
            changes.note(
                OpenAIFault(
                    OpenAIFault.invalidValue,
                    "turn_detection and transcription are switched off by session.update alone"))
        }
        if session.model != OpenAISession().model { changes.parameters["agent"] = .string(session.model) }
        var parameters = descriptor.defaults
        do throws(InvalidParameter) {
            try parameters.apply(configuration: changes.parameters)
        } catch {
            changes.note(OpenAIFault(OpenAIFault.invalidValue, error.clientError.message))
        }
        let mistakes = changes.faults.filter { $0.code == OpenAIFault.invalidValue }
        return OpenAIPreparedSession(
            parameters: changes.parameters,
            session: session.json(
                id: "sess_0", parameters, tools: parameters.agentFields["tools"]?.array ?? []),
            mistake: mistakes.first?.message,
            warnings: changes.faults.filter { $0.code != OpenAIFault.invalidValue }.map(\.message))
    }
}
