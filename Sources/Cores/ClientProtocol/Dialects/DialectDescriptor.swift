/// What is known about a dialect before any client speaks it.
package struct DialectDescriptor: Hashable, Sendable {
    /// What happens to a client that does what it must not: a message that is too large, or too many of them.
    package enum Strictness: Hashable, Sendable {
        /// The connection ends (1009, 1008).
        case ends
        /// The client is told, and the message is passed over.
        case tells
    }

    /// What people read about a dialect: the answer to `GET /`, the OpenAPI description, the table in the docs.
    package struct Documentation: Hashable, Sendable {
        /// Who speaks it.
        package var clients: String
        /// How sound travels in it.
        package var sound: String
        /// How a client shows who it is.
        package var credential: String

        package init(clients: String, sound: String, credential: String) {
            self.clients = clients
            self.sound = sound
            self.credential = credential
        }
    }

    /// A word for logs, metrics, fuzz targets and the answer to `GET /`.
    package var name: String
    /// The paths of its WebSockets.
    package var paths: [String]
    /// The WebSocket subprotocols that it answers to.
    package var subprotocols: [String] = []
    /// What a session is without anything said.
    package var defaults: SessionParameters
    /// The member of a text message that is base64 of sound: where a message is large, that is why.
    package var soundMember = "data"
    package var oversized = Strictness.ends
    package var floods = Strictness.ends
    /// Whether binary messages may hold something else than the sound that was announced, which their bytes tell
    /// (`ContentSniffer`).
    package var sniffsBinaryMessages = false
    /// Whether a later connection may continue a session.
    package var resumes = false
    /// Whether the handshake says which device connects (`SessionParameters.device`): it is the same caller each time.
    package var identifiesDevices = false
    /// Whether `Authorization: Bearer` may bring an API key.
    package var bearerMayBeKey = false
    /// Whether clients end a call by ending their connection, without a goodbye.
    package var hangsUpByClosing = false
    /// How much sound a client can have waiting to be played; nil for any amount, as it comes.
    package var playoutLead: Duration?
    /// How long the room waits for the client's parameters, in dialects that always begin with them; nil for as long as
    /// the operator says.
    package var configurationWait: Duration?
    package var documentation: Documentation

    package init(name: String, paths: [String], defaults: SessionParameters, documentation: Documentation) {
        self.name = name
        self.paths = paths
        self.defaults = defaults
        self.documentation = documentation
    }
}
