/// Where lines go. Called from any thread.
package protocol LogSink: Sendable {
    /// Writes a line without waiting for whoever reads.
    ///
    /// - Parameter line: with its line feed.
    /// - Returns: false when it is lost.
    func write(_ line: String) -> Bool
}
