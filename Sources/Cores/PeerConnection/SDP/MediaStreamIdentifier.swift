/// The names of a media stream and of a track in it (`a=msid`, RFC 8830).
package struct MediaStreamIdentifier: Hashable, Sendable {
    /// `-` stands for a track without a stream.
    package var streamID: String
    /// Empty when the writer left it out.
    package var trackID: String

    package init(streamID: String, trackID: String) {
        self.streamID = streamID
        self.trackID = trackID
    }
}

/// What a section says about one synchronisation source (`a=ssrc`, RFC 5576).
package struct MediaSource: Hashable, Sendable {
    package var ssrc: UInt32
    package var cname: String?
    package var stream: MediaStreamIdentifier?

    package init(ssrc: UInt32, cname: String? = nil, stream: MediaStreamIdentifier? = nil) {
        self.ssrc = ssrc
        self.cname = cname
        self.stream = stream
    }
}
