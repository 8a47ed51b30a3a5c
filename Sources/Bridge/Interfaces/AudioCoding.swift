/// Makes coders. A session makes them when it first needs them.
package protocol AudioCoderFactory: AnyObject {
    /// For mono frames of 20 ms at an Opus rate, in Hz.
    func makeEncoder(
        sampleRate: Int, for listener: EncoderListener
    ) throws(AudioCoderFailure) -> any SpeechEncoder
    /// To mono at an Opus rate, in Hz.
    func makeDecoder(sampleRate: Int) throws(AudioCoderFailure) -> any SpeechDecoder
    /// Between any two rates of 8 to 192 kHz, mono.
    func makeConverter(from inputRate: Int, to outputRate: Int) throws(AudioCoderFailure) -> any RateConverter
}

/// Who hears what is encoded.
package enum EncoderListener: Hashable, Sendable {
    /// Those in the room, over a link of this width at most.
    case room(OpusProfile.Link)
    /// The client, which takes Opus.
    case client
}

/// A coder could not be made: out of memory, or a fault of ours.
package struct AudioCoderFailure: Error, Hashable, Sendable {
    package var message: String

    package init(message: String) { self.message = message }
}

/// Turns frames of 20 ms into Opus packets.
package protocol SpeechEncoder: AnyObject {
    /// Whether frames of background noise may be left out: the listener's decoder makes up the noise meanwhile.
    var leavesNoiseOut: Bool { get }
    /// Encodes one frame to the beginning of `packet`; returns the packet's length in bytes, nil if it cannot be encoded. A
    /// packet of 1 or 2 bytes means silence that need not be sent.
    /// - Parameter isIndependent: the listener has not got the frame before, so that nothing may be predicted from it.
    func encode(_ frame: Span<Int16>, isIndependent: Bool, into packet: inout MutableSpan<UInt8>) -> Int?
    /// How much of what follows the peer is expected to lose, in percent: so much is spent on redundancy.
    func expect(lossPercent: Int)
}

extension SpeechEncoder {
    package var leavesNoiseOut: Bool { false }

    /// Encodes a frame that follows the one before.
    package func encode(_ frame: Span<Int16>, into packet: inout MutableSpan<UInt8>) -> Int? {
        encode(frame, isIndependent: false, into: &packet)
    }

    /// Of an encoder that knows no redundancy.
    package func expect(lossPercent: Int) {}
}

/// Turns Opus packets into mono samples. Each call returns how many samples it has written, nil if it cannot.
package protocol SpeechDecoder: AnyObject {
    func decode(_ packet: RawSpan, into samples: inout MutableSpan<Int16>) -> Int?
    /// Recovers `count` lost samples before `next` from what `next` carries of them.
    func recover(_ count: Int, before next: RawSpan, into samples: inout MutableSpan<Int16>) -> Int?
    /// Invents `count` samples from what came before.
    func conceal(_ count: Int, into samples: inout MutableSpan<Int16>) -> Int?
    /// Forgets the past, as after a pause.
    func reset()
}

/// Changes the rate of mono samples.
package protocol RateConverter: AnyObject {
    /// Appends what `samples` become at the other rate.
    func convert(_ samples: Span<Int16>, appendingTo output: inout [Int16])
}
