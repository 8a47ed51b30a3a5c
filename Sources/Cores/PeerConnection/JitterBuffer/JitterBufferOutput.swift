/// One audio packet as the jitter buffer takes and gives it. The payload is borrowed: it is valid during the call
/// that it is passed to.
package struct AudioPacket: ~Escapable {
    package var sequenceNumber: UInt16
    /// In samples at 48 kHz.
    package var timestamp: UInt32
    /// The first packet after a pause.
    package var marker: Bool
    /// The loudness that the sender measured, if it said so.
    package var audioLevel: AudioLevel?
    /// One Opus packet.
    package var payload: RawSpan

    @_lifetime(copy payload)
    package init(
        sequenceNumber: UInt16, timestamp: UInt32, marker: Bool = false, audioLevel: AudioLevel? = nil,
        payload: RawSpan
    ) {
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.marker = marker
        self.audioLevel = audioLevel
        self.payload = payload
    }

    /// The same packet with another payload.
    @_lifetime(copy payload)
    func with(payload: RawSpan) -> AudioPacket {
        AudioPacket(
            sequenceNumber: sequenceNumber, timestamp: timestamp, marker: marker, audioLevel: audioLevel,
            payload: payload)
    }
}

/// What a jitter buffer releases, in the order of the media clock.
package enum JitterBufferOutput: ~Escapable {
    /// The next packet.
    case packet(AudioPacket, samples: Int)
    /// `samples` at 48 kHz are lost. With `recovery`, that payload (the packet that follows) carries them as Opus
    /// in-band FEC; without it they have to be concealed.
    case lost(samples: Int, recovery: RawSpan?)
    /// The sender was silent for `samples` at 48 kHz (discontinuous transmission). It is reported when the sound
    /// starts again, so a consumer that plays in real time has already been silent for that long.
    case silence(samples: Int)
}

/// What went through a jitter buffer so far.
package struct JitterBufferStatistics: Hashable, Sendable {
    /// Packets inserted, late ones and duplicates included.
    package var received = 0
    package var duplicates = 0
    /// Packets that came when their place was already given up or played.
    package var late = 0
    /// Packets that never came in time.
    package var lost = 0
    /// Packets that redundant copies (RED) replaced.
    package var recovered = 0
    /// Times that the source began anew.
    package var restarts = 0

    package init() {}
}
