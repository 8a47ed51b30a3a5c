/// A track that we send: its names and its source number. Each use of a section needs another source number.
package struct LocalTrack: Hashable, Sendable {
    package let streamID: String
    package let trackID: String
    package let ssrc: UInt32

    package init(streamID: String, trackID: String, ssrc: UInt32) {
        self.streamID = streamID
        self.trackID = trackID
        self.ssrc = ssrc
    }
}

/// A track that the peer sends.
package struct RemoteTrack: Hashable, Sendable {
    /// Which section carries it, counted from zero.
    package let section: Int
    package let mid: String
    /// Empty when the peer did not name it.
    package let streamID: String
    package let trackID: String
    /// Nil while only the packets can tell.
    package let ssrc: UInt32?
}

/// What a section is right now.
package struct SectionInformation: Hashable, Sendable {
    /// Counted from zero; never changes.
    package let index: Int
    package let mid: String
    package let kind: MediaKind
    /// As negotiated, seen from our side.
    package let direction: MediaDirection
    /// As the peer last described it, seen from its side; nil before it did.
    package let remoteDirection: MediaDirection?
    package let localTrack: LocalTrack?
    package let remoteTrack: RemoteTrack?
    /// Turned down by one of the sides, for good.
    package let isRejected: Bool
    /// The negotiated payload type of Opus.
    package let opusPayloadType: UInt8?
    /// The negotiated payload type of redundant audio.
    package let redPayloadType: UInt8?

    /// The peer is ready to receive audio here and nothing of ours uses it yet.
    package var isFreeForSending: Bool {
        kind == .audio && !isRejected && localTrack == nil && remoteDirection?.receives == true
    }
}

/// What the payload of a received packet is.
package enum AudioPayloadFormat: Hashable, Sendable {
    case opus
    /// Redundant audio (RFC 2198).
    case red
    /// Another codec; we neither decode nor forward it.
    case other
}

/// A packet as it came, for forwarding. The payload is borrowed: valid during the call that it is passed to.
package struct ReceivedRTPPacket: ~Escapable {
    /// The section that it came on.
    package let section: Int
    package let ssrc: UInt32
    package let sequenceNumber: UInt16
    package let timestamp: UInt32
    package let marker: Bool
    package let payloadType: UInt8
    package let format: AudioPayloadFormat
    package let audioLevel: AudioLevel?
    package let payload: RawSpan

    @_lifetime(copy payload)
    package init(
        section: Int, ssrc: UInt32, sequenceNumber: UInt16, timestamp: UInt32, marker: Bool, payloadType: UInt8,
        format: AudioPayloadFormat, audioLevel: AudioLevel?, payload: RawSpan
    ) {
        self.section = section
        self.ssrc = ssrc
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.marker = marker
        self.payloadType = payloadType
        self.format = format
        self.audioLevel = audioLevel
        self.payload = payload
    }
}

extension ReceivedRTPPacket {
    /// The newest Opus packet in the payload; nil when there is none.
    package var newestFrame: RawSpan? {
        @_lifetime(copy self)
        get {
            switch format {
            case .opus: return payload
            case .red:
                guard let red = REDPayload(payload) else { return nil }
                return red.primary.bytes
            case .other: return nil
            }
        }
    }

    /// The packet that came `age` packets before this one, as its redundant audio has it; nil when it is not in there.
    @_lifetime(copy self)
    func earlier(by age: Int) -> ReceivedRTPPacket? {
        guard format == .red, let red = REDPayload(payload), let block = red.redundant(red.redundantCount - age),
            !block.bytes.isEmpty
        else { return nil }
        return ReceivedRTPPacket(
            section: section, ssrc: ssrc, sequenceNumber: sequenceNumber &- UInt16(truncatingIfNeeded: age),
            timestamp: timestamp &- block.timestampOffset, marker: false, payloadType: block.payloadType,
            format: .opus, audioLevel: audioLevel, payload: block.bytes)
    }
}
