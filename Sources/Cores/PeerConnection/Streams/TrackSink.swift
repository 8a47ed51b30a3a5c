/// Where the sound of one section goes, straight from its jitter buffer.
package protocol TrackSink: AnyObject {
    /// The next of the track's sound, in the order of its media clock. Borrowed bytes are valid during the call only.
    func receive(_ sound: JitterBufferOutput)
}
