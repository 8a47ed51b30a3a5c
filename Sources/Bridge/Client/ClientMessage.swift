/// A message to a client that is kept, in case it has to be sent again.
enum ClientMessage: Hashable {
    case text(String)
    case sound([UInt8])
    case soundText([UInt8])
    /// Nobody wants it again; its bytes were sent all the same.
    case obsolete

    var isSound: Bool {
        switch self {
        case .sound, .soundText: true
        case .text, .obsolete: false
        }
    }
}
