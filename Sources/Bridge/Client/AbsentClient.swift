internal import ClientProtocol
internal import Wire

/// Stands in for a client whose connection broke, and keeps for it what it would have got: texts and sound in their
/// order, within bounds. Beyond them the oldest goes and is counted, sound and texts each among themselves.
final class AbsentClient: ClientConnection {
    private struct Entry {
        let content: ClientMessage
        let bytes: Int
        /// Of a sound.
        let duration: Duration
        /// Of a message that a later one of the same key replaces.
        let key: String?

        var isSound: Bool { content.isSound }
    }

    /// How long the sound of the next message is.
    var nextSound = Duration.zero
    private(set) var droppedAudioMessages = 0
    private(set) var droppedSound = Duration.zero
    private(set) var droppedMessages = 0

    private let limits: Limits
    private var entries: [Entry] = []
    private var texts = (count: 0, bytes: 0)
    private var sounds = (duration: Duration.zero, bytes: 0)

    init(limits: Limits) { self.limits = limits }

    /// What has been dropped so far.
    var resumption: SessionSummary.Resumption {
        SessionSummary.Resumption(
            droppedMessages: droppedMessages, droppedMilliseconds: Int((droppedSound / .milliseconds(1)).rounded()))
    }

    /// So much has been dropped before, of what came from elsewhere.
    func noteDropped(messages: Int, sounds: Int, duration: Duration) {
        droppedMessages += messages
        droppedAudioMessages += sounds
        droppedSound += duration
    }

    /// Everything that is sent to it is kept.
    var unacknowledgedBytes: Int { 0 }

    // MARK: Keeping

    func send(text: String) { send(text: text, of: nil) }

    func send(text: String, replacing key: String, isLast: Bool) -> Bool {
        var isReplacing = false
        while drop(first: { $0.key == key }) { isReplacing = true }
        send(text: text, of: isLast ? nil : key)
        return isReplacing
    }

    private func send(text: String, of key: String?) {
        nextSound = .zero
        append(Entry(content: .text(text), bytes: text.utf8.count, duration: .zero, key: key))
        while texts.count > limits.maximumHeldMessages || texts.bytes > limits.maximumHeldBytes {
            guard drop(first: { !$0.isSound }) else { return }
            droppedMessages += 1
        }
    }

    func send(audioText: RawSpan) {
        append(sound: .soundText([UInt8](copying: audioText)), bytes: audioText.byteCount)
    }

    func send(audio: RawSpan) { append(sound: .sound([UInt8](copying: audio)), bytes: audio.byteCount) }

    private func append(sound: ClientMessage, bytes: Int) {
        append(Entry(content: sound, bytes: bytes, duration: nextSound, key: nil))
        nextSound = .zero
        while sounds.duration > limits.heldSound || sounds.bytes > limits.maximumHeldSoundBytes {
            guard let oldest = entries.first(where: \.isSound), drop(first: \.isSound) else { return }
            droppedAudioMessages += 1
            droppedSound += oldest.duration
        }
    }

    private func append(_ entry: Entry) {
        entries.append(entry)
        count(entry, 1)
    }

    private func drop(first isIt: (Entry) -> Bool) -> Bool {
        guard let index = entries.firstIndex(where: isIt) else { return false }
        count(entries.remove(at: index), -1)
        return true
    }

    private func count(_ entry: Entry, _ sign: Int) {
        if entry.isSound {
            sounds.duration += entry.duration * sign
            sounds.bytes += entry.bytes * sign
        } else {
            texts.count += sign
            texts.bytes += entry.bytes * sign
        }
    }

    func discardQueuedAudio() {
        entries.removeAll(where: \.isSound)
        sounds = (.zero, 0)
    }

    func close(code: UInt16, reason: String) {}

    // MARK: Handing over

    /// Takes everything that was kept.
    func takeAll() -> [(message: ClientMessage, duration: Duration)] {
        defer {
            entries = []
            texts = (0, 0)
            sounds = (.zero, 0)
        }
        return entries.map { ($0.content, $0.duration) }
    }
}
