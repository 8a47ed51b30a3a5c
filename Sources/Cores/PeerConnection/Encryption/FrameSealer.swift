/// Encrypts the frames that we send end to end, so that the server in between reads none of them.
package protocol FrameSealer: AnyObject {
    /// A frame as others with the key can open it; nil when it may not be sent. Allocates nothing once it is running.
    func seal(_ frame: RawSpan) -> [UInt8]?
}

/// Decrypts the frames of one track.
package protocol FrameOpener: AnyObject {
    /// The frame; nil for what cannot be opened, which is lost. Allocates nothing once it is running.
    /// - Parameter isGuess: it may be no frame at all, so that it says nothing of the sender when it cannot be opened.
    func open(_ sealed: RawSpan, isGuess: Bool) -> [UInt8]?
}
