/// Lets a track's sound pass and stops its silence: clients get audio only while there is something to hear. Short
/// pauses pass, so that speech keeps its rhythm.
package struct SilenceGate: Sendable {
    /// A frame below this root mean square, of 32768, is silence: -60 dB.
    package static let silence = 33
    /// A frame from this on is sound for certain: -47 dB.
    package static let sound = 150

    private let hangover: Int
    private let onset: Int
    private var silentRun = 0
    /// Something faint, for so many samples: the beginning of a word, or the noise that stands for silence in DTX,
    /// of which a packet comes every 400 ms.
    private var faintRun = 0
    /// The frame before was sound, so what is faint now is its end.
    private var followsSound = false
    package private(set) var isOpen = false

    /// - Parameters:
    ///   - hangover: silence that passes before the gate closes, in samples of the track.
    ///   - onset: how long something faint must last before the gate opens.
    package init(hangover: Int, onset: Int) {
        self.hangover = hangover
        self.onset = onset
    }

    /// Takes note of a frame; afterwards `isOpen` says whether it passes.
    /// - Returns: whether it is sound.
    @discardableResult
    package mutating func note(rootMeanSquare: Int, samples: Int) -> Bool {
        faintRun = rootMeanSquare >= Self.silence ? faintRun + samples : 0
        let isFaint = faintRun > 0
        followsSound = isFaint && (followsSound || rootMeanSquare >= Self.sound || faintRun >= onset)
        if followsSound {
            silentRun = 0
            isOpen = true
        } else if isOpen {
            silentRun += samples
            if silentRun > hangover { close() }
        }
        return followsSound
    }

    /// The sender was silent and sent nothing.
    package mutating func notePause() {
        faintRun = 0
        followsSound = false
    }

    package mutating func close() {
        isOpen = false
        silentRun = 0
        faintRun = 0
        followsSound = false
    }
}
