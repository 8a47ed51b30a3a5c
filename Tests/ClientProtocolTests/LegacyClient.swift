import TestSupport
import Testing
import Wire

@testable import ClientProtocol

/// A client of the old protocol with what it is told.
struct LegacyClient {
    var dialect: LegacyVocabulary

    init(limits: RecordingLimits = RecordingLimits(), events: EventVocabulary = .legacy) {
        dialect = LegacyVocabulary(limits: limits, events: events)
    }

    /// Sends a message; returns what the client is told of it.
    mutating func send(_ text: String) -> [String] { deliver(text).texts }

    mutating func audio(_ bytes: [UInt8], format: String? = nil) -> (texts: [String], events: [ClientEvent]) {
        let suffix = format.map { ",\"format\":\"\($0)\"" } ?? ""
        return deliver("{\"type\":\"audio\",\"data\":\"\(Base64.encode(bytes))\"\(suffix)}")
    }

    mutating func deliver(_ text: String) -> (texts: [String], events: [ClientEvent]) {
        var texts: [String] = []
        var events: [ClientEvent] = []
        for output in dialect.decode(text: Array(text.utf8)) {
            switch output {
            case .event(let event): events.append(event)
            case .reply(let event): texts += tell(event)
            case .send(.text(let text)): texts.append(text)
            case .send(.binary): Issue.record("the old protocol has no binary frames")
            }
        }
        return (texts, events)
    }

    mutating func tell(_ event: ServerEvent) -> [String] {
        dialect.encode(event).map { frame in if case .text(let text) = frame { text } else { "binary" } }
    }
}

/// What a client gets for a piece of sound in the gateway's own JSON.
func audioMessage(
    _ sound: [UInt8], _ format: AudioFormat, cutting: OutputCutting = .frames(milliseconds: 20)
) -> String {
    var message: [UInt8] = []
    let delivery = SoundDelivery(format: format, cutting: cutting, wrapping: .text)
    AudioMessage.append(sound.span, as: delivery, to: &message)
    return String(decoding: message, as: UTF8.self)
}

let endTurnMessage = #"{"type":"end_turn"}"#
let invalidAudioMessage = #"{"type":"error","message":"Invalid audio data"}"#
let transcribingMessage = #"{"type":"processing","message":"Transcribing..."}"#
let convertingMessage = #"{"type":"processing","message":"Converting audio..."}"#

func bufferingMessage(_ bytes: Int) -> String {
    "{\"type\":\"buffering\",\"chunks\":\(bytes / 1000),\"bytes\":\(bytes)}"
}

/// A WAV file of 16-bit mono samples at 16 kHz.
func wavFile(samples count: Int, length: UInt32? = nil) -> [UInt8] {
    var file =
        WAVHeader.bytes(for: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000), dataByteCount: count * 2) ?? []
    if let length {
        // Such writers leave the length of the whole file as it is, too.
        for place in 0..<4 {
            file[4 + place] = UInt8(truncatingIfNeeded: length >> UInt32(8 * place))
            file[40 + place] = UInt8(truncatingIfNeeded: length >> UInt32(8 * place))
        }
    }
    return file + littleEndian((0..<count).map { Int16(truncatingIfNeeded: $0) })
}
