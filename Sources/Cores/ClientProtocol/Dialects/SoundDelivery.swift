/// How the sound for a client is cut.
package enum OutputCutting: Hashable, Sendable {
    /// Frames of so many milliseconds, sent as the agent speaks. Opus goes in packets of that length, or as it came where
    /// that is longer.
    case frames(milliseconds: Int)
    /// The same, and each is exactly so long: packets of Opus are filled up with frames that hold nothing.
    case equalFrames(milliseconds: Int)
    /// Pieces that are played one after the other as files, without the silence between them. Nil: short at first, then
    /// as long as can be without a gap.
    case files(milliseconds: Int?)
}

/// How a client gets the agent's sound.
package struct SoundDelivery: Hashable, Sendable {
    /// What a piece of sound becomes on its way into a message.
    package enum Wrapping: Hashable, Sendable {
        /// Its bytes are a binary message; the dialect is not asked.
        case bare
        /// The dialect writes a binary message around it.
        case binary
        /// The dialect writes a text message around it.
        case text
    }

    /// What the bytes of a piece are.
    package var format: AudioFormat
    package var cutting: OutputCutting
    package var wrapping: Wrapping
    /// Whether what is neither the agent's voice nor speech is heard by itself, or only with them.
    package var passesAmbience: Bool

    package init(format: AudioFormat, cutting: OutputCutting, wrapping: Wrapping, passesAmbience: Bool = true) {
        self.format = format
        self.cutting = cutting
        self.wrapping = wrapping
        self.passesAmbience = passesAmbience
    }

    /// The three ways of `output_framing`.
    init(_ parameters: SessionParameters, framing: OutputFraming) {
        format = parameters.output
        cutting =
            framing == .wav
            ? .files(milliseconds: parameters.pieceMilliseconds) : .frames(milliseconds: parameters.frameMilliseconds)
        wrapping = framing == .binary ? .bare : .text
        // Ambience never ends, and whoever plays files waits for the end of what he has.
        passesAmbience = parameters.passesAmbience ?? (framing != .wav)
    }

    /// How many bytes a second of sound takes on the wire, at most. Base64 makes four of three.
    package var bytesPerSecond: Int {
        let bare = format.sampleRate * (format.encoding.bytesPerSample ?? 1)
        return wrapping == .bare ? bare : bare * 4 / 3
    }
}
