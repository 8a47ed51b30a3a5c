/// Lets a track's sound pass and stops its silence: clients get audio only while there is something to hear. Short
/// pauses pass, so that speech keeps its rhythm.
package struct SilenceGate: Sendable {
    /// A frame below this root mean square, of 32768, is silence: -60 dB.
    package static let threshold = 33

    private let hangover: Int
    private var silentRun = 0
    package private(set) var isOpen = false

    /// - Parameter hangover: silence that passes before the gate closes, in samples of the track.
    package init(hangover: Int) { self.hangover = hangover }

    /// Takes note of a frame; afterwards `isOpen` says whether it passes.
    package mutating func note(rootMeanSquare: Int, samples: Int) {
        if rootMeanSquare >= Self.threshold {
            silentRun = 0
            isOpen = true
        } else if isOpen {
            silentRun += samples
            if silentRun > hangover { isOpen = false }
        }
    }

    package mutating func close() {
        isOpen = false
        silentRun = 0
    }
}
