internal import Wire

/// The latest messages to a client that may come back, until they are known to have arrived: what a network that is gone
/// has swallowed is sent again on the client's next connection. WebSocket has no receipts, but TCP has, and tells how
/// many of the last bytes are not acknowledged. Pure.
struct UnacknowledgedMessages {
    /// Of what is spoken: a later text of it stands for the earlier ones.
    struct Segment {
        let key: String
        /// No later text comes.
        let isLast: Bool
    }

    private struct Message {
        var content: ClientMessage
        /// On the wire.
        let bytes: Int
        /// Of sound.
        let duration: Duration
        /// Of a transcript.
        let segment: Segment?
    }

    /// After so many messages it is worth to ask what has arrived.
    private static let interval = 64
    /// Control frames count as bytes, too, but are no messages: a ping has 2, and no message is as short as two of them
    /// with what a pong may carry.
    static let tolerance = 16

    private var messages: [Message] = []
    private var bytes = 0
    private var untilQuestion = Self.interval
    /// What had to be given up although it had not arrived, because too much waited.
    private var dropped = (messages: 0, sounds: 0, duration: Duration.zero)
    private let maximumBytes: Int

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Whether something may have arrived: `noteArrivals` is to be called.
    var isDue: Bool { untilQuestion <= 0 || bytes > maximumBytes }

    /// A message has been sent.
    mutating func note(
        _ content: ClientMessage, count: Int, duration: Duration = .zero, of segment: Segment? = nil
    ) {
        let message = Message(content: content, bytes: Self.wireSize(count), duration: duration, segment: segment)
        messages.append(message)
        bytes += message.bytes
        untilQuestion -= 1
    }

    /// The latest text of a segment was given up before it was sent.
    mutating func forget(_ segment: Segment) {
        guard let index = messages.lastIndex(where: { $0.segment?.key == segment.key }) else { return }
        bytes -= messages.remove(at: index).bytes
    }

    /// A server's frame: RFC 6455 section 5.2, without a mask.
    static func wireSize(_ count: Int) -> Int { count + (count < 126 ? 2 : count <= 0xFFFF ? 4 : 10) }

    /// So many bytes of the last messages are not known to have arrived; all before them have.
    mutating func noteArrivals(unacknowledged: Int) {
        untilQuestion = Self.interval
        var index = messages.count
        var left = unacknowledged - Self.tolerance
        while index > 0, left > 0 {
            index -= 1
            left -= messages[index].bytes
        }
        if index > 0 { dropped = (0, 0, .zero) }
        removeFirst(index)
        while bytes > maximumBytes, let oldest = messages.first {
            switch oldest.content {
            case .text: dropped.messages += 1
            case .sound, .soundText:
                dropped.sounds += 1
                dropped.duration += oldest.duration
            case .obsolete: break
            }
            removeFirst(1)
        }
    }

    private mutating func removeFirst(_ count: Int) {
        bytes -= messages.prefix(count).reduce(0) { $0 + $1.bytes }
        messages.removeFirst(count)
    }

    /// Sound on its way is not wanted any more. So many bytes of it waited in the connection's queue, and will never be
    /// sent: they were the last.
    mutating func discardSound(queued: Int) {
        var left = queued
        for index in messages.indices.reversed() where messages[index].content.isSound {
            if left > 0 {
                left -= messages[index].bytes
                bytes -= messages[index].bytes
                messages.remove(at: index)
            } else {
                messages[index].content = .obsolete
            }
        }
    }

    /// Gives everything that is left to the stand-in of the client, and forgets it.
    mutating func hand(to stand: AbsentClient) {
        stand.noteDropped(messages: dropped.messages, sounds: dropped.sounds, duration: dropped.duration)
        for message in messages {
            stand.nextSound = message.duration
            switch message.content {
            case .text(let text):
                if let segment = message.segment {
                    _ = stand.send(text: text, replacing: segment.key, isLast: segment.isLast)
                } else {
                    stand.send(text: text)
                }
            case .sound(let bytes): stand.send(audio: bytes.span.bytes)
            case .soundText(let bytes): stand.send(audioText: bytes.span.bytes)
            case .obsolete: break
            }
        }
        forget()
    }

    mutating func forget() { self = UnacknowledgedMessages(maximumBytes: maximumBytes) }
}
