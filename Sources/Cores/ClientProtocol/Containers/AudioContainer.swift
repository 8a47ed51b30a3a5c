/// What kind of file a recording is, told by its first bytes. The unsupported ones are here to be named in errors.
package enum AudioContainer: Hashable, Sendable, CaseIterable {
    case wav
    /// WebM, or any other Matroska: the two differ in a name inside.
    case webM
    case ogg
    case mp4
    case mp3
    case aac
    case flac
    case aiff
    case caf
    case amr

    /// What the first bytes of a recording say.
    package enum Identification: Hashable, Sendable {
        case container(AudioContainer)
        /// They fit a signature, but more of it must come.
        case undecided
        case unknown
    }

    /// What error messages say is accepted.
    package static let accepted = "WAV, WebM/Opus, Ogg/Opus"

    /// Whether recordings of this kind can be played into a room.
    package var isAccepted: Bool {
        switch self {
        case .wav, .webM, .ogg: true
        case .mp4, .mp3, .aac, .flac, .aiff, .caf, .amr: false
        }
    }

    /// What people call it.
    package var name: String {
        switch self {
        case .wav: "WAV"
        case .webM: "WebM"
        case .ogg: "Ogg"
        case .mp4: "MP4 (AAC) from Safari's MediaRecorder"
        case .mp3: "MP3"
        case .aac: "AAC"
        case .flac: "FLAC"
        case .aiff: "AIFF"
        case .caf: "CAF"
        case .amr: "AMR"
        }
    }

    /// Looks at the first bytes of a recording.
    package static func identify(_ bytes: [UInt8]) -> Identification {
        var isUndecided = bytes.isEmpty
        for signature in signatures {
            switch signature.matches(bytes) {
            case true?: return .container(signature.container)
            case nil: isUndecided = true
            case false?: break
            }
        }
        if let container = MPEGFrames.container(startingWith: bytes.span) { return .container(container) }
        return isUndecided ? .undecided : .unknown
    }

    /// What the recordings of a container begin with.
    private struct Signature {
        let container: AudioContainer
        /// What stands where.
        let parts: [(offset: Int, bytes: [UInt8])]

        init(_ container: AudioContainer, _ parts: (offset: Int, bytes: [UInt8])...) {
            self.container = container
            self.parts = parts
        }

        /// Nil when the bytes fit as far as they go.
        func matches(_ bytes: [UInt8]) -> Bool? {
            var isWhole = true
            for (offset, signature) in parts {
                for (index, expected) in signature.enumerated() {
                    guard offset + index < bytes.count else {
                        isWhole = false
                        break
                    }
                    if bytes[offset + index] != expected { return false }
                }
            }
            return isWhole ? true : nil
        }
    }

    /// AAC has none: see `MPEGFrames`.
    private static let signatures = [
        Signature(.wav, (0, Array("RIFF".utf8)), (8, Array("WAVE".utf8))),
        Signature(.webM, (0, [0x1A, 0x45, 0xDF, 0xA3])),
        Signature(.ogg, (0, Array("OggS".utf8))),
        // The size of the first box, which is small, and its name.
        Signature(.mp4, (0, [0, 0]), (4, Array("ftyp".utf8))),
        Signature(.mp3, (0, Array("ID3".utf8))),
        Signature(.flac, (0, Array("fLaC".utf8))),
        Signature(.aiff, (0, Array("FORM".utf8)), (8, Array("AIF".utf8))),
        Signature(.caf, (0, Array("caff".utf8))),
        Signature(.amr, (0, Array("#!AMR".utf8))),
    ]
}
