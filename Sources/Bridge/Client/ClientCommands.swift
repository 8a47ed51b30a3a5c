internal import ClientProtocol

extension ClientEvent {
    /// Which part of a session does what the client wants, and how.
    var actions: [SessionAction] {
        switch self {
        case .configure(let object): [.configure(object)]
        case .ping(let id): [.tell(.pong(id: id))]
        // Keys are checked where the connection is accepted.
        case .authenticate, .forgetTurn: []
        case .audio(let bytes): [.life(.clientSpoke), .sound(.bytes(bytes))]
        case .fileFormat(let format): [.sound(.fileFormat(format))]
        case .opusPacket(let bytes): [.life(.clientSpoke), .sound(.recordedPacket(bytes))]
        case .recording(let file): [.life(.clientSpoke), .sound(.recording(file))]
        case .playedOut: [.playedOut]
        case .hangUp: [.hangUp]
        case .heard(let milliseconds, let text): [.tellHeard(milliseconds, text)]
        case .mute: [.sound(.mute(true))]
        case .unmute: [.sound(.mute(false))]
        case .endTurn: [.life(.clientSpoke), .endTurn]
        // The agents are heard no more at once, whatever they make of the request.
        case .interrupt: [.interrupt, .discardSound, .tell(.interrupted)]
        case .call(let call): [.life(.clientSpoke), .callAgent(call)]
        case .callEnded(let id, let outcome): [.endCall(id, outcome)]
        case .text, .data, .dtmf: [.life(.clientSpoke), .deliver(self)]
        }
    }
}
