internal import Wire

/// Decodes Opus packets of the client that are late: only samples can be played faster. Belongs to one loop.
final class PacketUnpacker {
    /// The longest packet, in ms (RFC 6716).
    private static let longestPacket = 120

    private let coders: any AudioCoderFactory
    private let failures: CodingFailures
    private var decoder: (any SpeechDecoder)?
    private var samples: [Int16] = []

    init(coders: any AudioCoderFactory, failures: CodingFailures) {
        self.coders = coders
        self.failures = failures
    }

    /// Decodes the next packet. What cannot be decoded is silence of the same length.
    ///
    /// - Parameters:
    ///   - samples: its length at 48 kHz.
    ///   - sampleRate: of the result, in Hz; one that Opus knows.
    ///   - take: gets the samples.
    func unpack(_ packet: [UInt8], samples length: Int, sampleRate: Int, _ take: (Span<Int16>) -> Void) {
        let maximum = sampleRate * Self.longestPacket / 1000
        if samples.count != maximum { samples = [Int16](repeating: 0, count: maximum) }
        if decoder == nil {
            do throws(AudioCoderFailure) {
                decoder = try coders.makeDecoder(sampleRate: sampleRate)
            } catch {
                failures.note(.decoder)
            }
        }
        var room = samples.mutableSpan
        if let count = decoder?.decode(packet.span.bytes, into: &room), count > 0 {
            let decoded = samples
            return take(decoded.span.extracting(first: min(count, maximum)))
        }
        let silence = [Int16](repeating: 0, count: min(length * sampleRate / 48_000, maximum))
        take(silence.span)
    }

    /// Gives back the decoder: what comes next passes as it is.
    func release() {
        decoder = nil
        samples = []
    }
}
