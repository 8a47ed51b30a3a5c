/// The client's WebSocket, as a session needs it. Belongs to one loop; no call leads to a call back.
package protocol ClientConnection: AnyObject {
    /// Sends a text message that must not be lost.
    func send(text: String)
    /// The same; messages of the same key that still wait are given up, because this one says all of it.
    ///
    /// - Parameter isLast: no later message replaces this one.
    /// - Returns: whether one was given up.
    func send(text: String, replacing key: String, isLast: Bool) -> Bool
    /// Sends a text message with sound in it, as UTF-8. May be dropped, oldest first, when the client reads too slowly.
    /// The bytes are not needed after the call.
    func send(audioText: RawSpan)
    /// Sends a binary message with sound, droppable likewise. The bytes are not needed after the call.
    func send(audio: RawSpan)
    /// Gives up the sound that waits to be sent.
    func discardQueuedAudio()
    /// Sends what waits, then a close frame.
    func close(code: UInt16, reason: String)
    /// Bytes on the wire that were given to the connection and are not known to have arrived, also once it has ended.
    var unacknowledgedBytes: Int { get }
    /// Messages with sound that were dropped so far because the client reads too slowly.
    var droppedAudioMessages: Int { get }
}
