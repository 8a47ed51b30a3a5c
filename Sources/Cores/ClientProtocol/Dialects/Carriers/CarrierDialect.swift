internal import Wire

/// The language of a telephone carrier: a call whose sound travels over a WebSocket. What the carrier was told to say with the
/// call are session parameters. Nothing can be told to the caller but sound, so events without a meaning for a carrier end
/// here.
struct CarrierDialect<Company: Carrier>: ClientDialect {
    static var descriptor: DialectDescriptor { Company.descriptor }

    /// Parameters that the wire or the gate decides.
    private static var reservedNames: Set<String> {
        ["encoding", "sample_rate", "channels", "output_framing", "events", "session", "api_key"]
    }
    /// Those too, where sound has one format in both directions.
    private static var outputNames: Set<String> { ["output_encoding", "output_sample_rate"] }

    private var parameters: SessionParameters
    /// What the call is, once the carrier has said so.
    private var start: CarrierStart?
    private var marks = CarrierMarks()
    private var order = ChunkOrder()
    /// The message around a piece of sound, and the format for which it was written.
    private var around: (format: AudioFormat, head: [UInt8], tail: [UInt8])?
    /// A piece of sound as a file, where the carrier wants files; and its header, which is the same for all pieces of one length.
    private var file: [UInt8] = []
    private var fileHeader: (format: AudioFormat, soundByteCount: Int, bytes: [UInt8])?
    /// A piece of sound in the carrier's byte order.
    private var swapped: [UInt8] = []

    init(_ parameters: SessionParameters, limits: RecordingLimits) { self.parameters = parameters }

    func introduction(in text: [UInt8]) -> Introduction {
        guard let json = try? JSONValue(parsing: text), let message = try? Company.read(json) else { return .nothing }
        switch message {
        case .opening(let key): return key.map { .credential(.apiKey($0), isForSession: true) } ?? .later
        case .start(let start):
            if let token = start.parameters["access_token"]?.string, !token.isEmpty {
                return .credential(.accessToken(token), isForSession: true)
            }
            if let key = start.parameters["api_key"]?.string, !key.isEmpty {
                return .credential(.apiKey(key), isForSession: true)
            }
            return .nothing
        default: return .nothing
        }
    }

    // MARK: From the carrier

    mutating func decode(text: [UInt8]) -> [DialectOutput] {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: text)
        } catch {
            return [.reply(.error(ClientError(.invalidMessage, "the message is not JSON: \(error)")))]
        }
        if let start, let other = json[Company.words.stream]?.string, other != start.stream { return [] }
        do throws(ClientError) {
            return act(on: try Company.read(json))
        } catch {
            return [.reply(.error(error))]
        }
    }

    private mutating func act(on message: CarrierMessage) -> [DialectOutput] {
        switch message {
        case .start(let start): return begin(start)
        case .media(let bytes, let chunk):
            guard let start else { return [] }
            var bytes = bytes
            if Self.isSwapped(start.encoding) {
                for index in stride(from: 0, to: bytes.count - 1, by: 2) { bytes.swapAt(index, index + 1) }
            }
            guard Company.numbersChunks, let chunk else { return [.event(.audio(bytes))] }
            return order.take(bytes, number: chunk).map { .event(.audio($0)) }
        case .dtmf(let digit): return [.event(.dtmf([digit]))]
        case .played(let mark): return marks.hasBeenHeard(mark) ? [.event(.playedOut)] : []
        case .complaint(let text): return [.reply(.error(ClientError(.invalidMessage, "the carrier says: \(text)")))]
        case .stop: return [.event(.hangUp)]
        case .opening, .other: return []
        }
    }

    mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        guard Company.wrapping == .binary else {
            let error = ClientError(.invalidMessage, "a binary message; this protocol has only text")
            return BinaryMessage(sound: 0..<0, outputs: [.reply(.error(error))])
        }
        return BinaryMessage(sound: start == nil ? 0..<0 : 0..<message.count)
    }

    private mutating func begin(_ start: CarrierStart) -> [DialectOutput] {
        guard self.start == nil else { return [] }
        self.start = start
        let reserved = Company.mayChooseOutput ? Self.reservedNames : Self.reservedNames.union(Self.outputNames)
        // Of members with one name the last counts: what the wire is stands behind what the call was told to say.
        var configuration = JSONObject(members: [
            .init(key: "output_encoding", value: .string(start.encoding)),
            .init(key: "output_sample_rate", value: .integer(start.sampleRate)),
        ])
        for member in start.parameters.members where !reserved.contains(member.key) {
            configuration.append(member.key, member.value)
        }
        // The agent learns which call it is, as members of its job's metadata.
        configuration.append("carrier", .string(Company.descriptor.name))
        if !start.stream.isEmpty { configuration.append("stream_sid", .string(start.stream)) }
        if let call = start.call { configuration.append("call_sid", .string(call)) }
        configuration.append("encoding", .string(start.encoding))
        configuration.append("sample_rate", .integer(start.sampleRate))
        configuration.append("channels", .integer(start.channels))
        return [.event(.configure(configuration))]
    }

    mutating func adopt(_ parameters: SessionParameters) { self.parameters = parameters }

    // MARK: To the carrier

    mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        guard let start else { return [] }
        switch event {
        case .replyStarted:
            marks.noteSound()
            return []
        case .interrupted:
            marks.clear()
            return [Self.frame(Company.clear(start.stream))]
        case .replyFinished: return marks.next().map { [Self.frame(Company.mark($0, of: start.stream))] } ?? []
        case .dtmf(let digit):
            return Company.key(digit, of: start.stream).map { [Self.frame($0)] } ?? tone(of: digit)
        default: return []
        }
    }

    /// A key as sound behind what has been sent, in pieces as the carrier wants them, filled up with silence.
    private mutating func tone(of digit: DTMFDigit) -> [ClientFrame] {
        let delivery = delivery
        let format = delivery.format
        guard case .frames(let milliseconds) = delivery.cutting, format.encoding.bytesPerSample != nil
        else { return [] }
        var samples = DTMFTone.samples(for: digit, sampleRate: format.sampleRate)
        let count = format.sampleRate * milliseconds / 1000
        samples.append(contentsOf: repeatElement(0, count: (count - samples.count % count) % count))
        return stride(from: 0, to: samples.count, by: count).map { first in
            var sound: [UInt8] = []
            SampleEncoder.append(
                samples.span.extracting(first..<first + count), as: format.encoding, channels: format.channels,
                to: &sound)
            if Company.wrapping == .binary { return .binary(sound) }
            var message: [UInt8] = []
            encode(sound: sound.span, as: delivery, into: &message)
            return .text(String(decoding: message, as: UTF8.self))
        }
    }

    private static func frame(_ message: JSONObject) -> ClientFrame { .text(JSONValue.object(message).serialized()) }

    var delivery: SoundDelivery {
        SoundDelivery(
            format: parameters.output, cutting: Company.cutting(parameters),
            wrapping: Company.wrapping == .binary ? .bare : .text)
    }

    mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        guard let start else { return }
        marks.noteSound()
        if around?.format != delivery.format {
            let (head, tail) = Company.soundMessage(of: start.stream, in: delivery.format)
            around = (delivery.format, Array(head.utf8), Array(tail.utf8))
        }
        guard let around else { return }
        message.append(contentsOf: around.head)
        if Self.isSwapped(delivery.format.encoding.rawValue) {
            swapped.removeAll(keepingCapacity: true)
            for index in stride(from: 0, to: sound.count - 1, by: 2) {
                swapped.append(sound[index + 1])
                swapped.append(sound[index])
            }
            Base64.append(swapped.span, to: &message)
        } else if Company.wrapping == .base64File {
            fill(with: sound, delivery.format)
            Base64.append(file.span, to: &message)
        } else {
            Base64.append(sound, to: &message)
        }
        message.append(contentsOf: around.tail)
    }

    /// Whether the bytes of a sample come the other way round than here.
    private static func isSwapped(_ encoding: String) -> Bool {
        Company.hasLinearInNetworkOrder && encoding == AudioEncoding.pcmS16LE.rawValue
    }

    private mutating func fill(with sound: Span<UInt8>, _ format: AudioFormat) {
        if fileHeader?.format != format || fileHeader?.soundByteCount != sound.count {
            fileHeader = (format, sound.count, WAVHeader.bytes(for: format, dataByteCount: sound.count) ?? [])
        }
        file.removeAll(keepingCapacity: true)
        if let fileHeader { file.append(contentsOf: fileHeader.bytes) }
        file.append(copying: sound.bytes)
    }

    var carrierCall: CarrierCall? {
        guard let call = start?.call else { return nil }
        return CarrierCall(carrier: Company.descriptor.name, account: start?.account, call: call)
    }

    /// Carriers show neither code nor reason to anybody; their logs and ours do.
    func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        (reason == .invalidParameter ? 1003 : reason.closeCode, message)
    }
}
