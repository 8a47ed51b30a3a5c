import PeerConnection
import TestSupport
import Testing

@Suite("Session descriptions")
struct SessionDescriptionTests {
    @Test("aiortc's offer is understood, with its three fingerprints and the candidates of the bundle's transport")
    func aiortc() throws {
        let offer = try SessionDescription(parsing: SDPFixtures.wire(SDPFixtures.aiortcOffer))
        #expect(offer.bundle == ["0", "1"])
        #expect(offer.sections.count == 2)
        let audio = offer.sections[0]
        #expect(audio.kind == .audio)
        #expect(audio.direction == .sendReceive)
        #expect(audio.codecs.map(\.payloadType) == [96, 9, 0, 8])
        #expect(audio.codecs[0].isOpus)
        #expect(audio.headerExtensions.first { $0.uri == RTPHeaderExtensionMapping.midURI }?.id == 1)
        #expect(audio.headerExtensions.first { $0.uri == RTPHeaderExtensionMapping.audioLevelURI }?.id == 2)
        #expect(audio.streams.first?.trackID == "ccb6f654-3387-4f79-baf1-c2ecc549f7e0")
        #expect(audio.sources.map(\.ssrc) == [1_465_696_255])
        #expect(audio.fingerprints.map(\.algorithm) == ["sha-256", "sha-384", "sha-512"])
        #expect(audio.fingerprints.map(\.digest.count) == [32, 48, 64])
        #expect(audio.candidates.count == 2)
        #expect(audio.setup == .activeOrPassive)
        #expect(offer.sections[1].sctpPort == 5000)
        #expect(offer.sections[1].maximumMessageSize == 262_144)
        #expect(offer.transportSection?.mid == "0")
    }

    @Test("libwebrtc's offer is understood, video sections included")
    func liveKit() throws {
        let offer = try SessionDescription(parsing: SDPFixtures.wire(SDPFixtures.liveKitOffer))
        #expect(offer.sections.map(\.kind) == [.audio, .video, .application])
        #expect(offer.allowsMixedHeaderExtensions)
        let audio = offer.sections[0]
        #expect(audio.direction == .receiveOnly)
        #expect(audio.codecs.first?.parameter("useinbandfec") == "1")
        #expect(audio.codecs.first?.hasNACK == false)
        #expect(audio.codecs[1].isAudioRED)
        #expect(audio.hasReducedSizeRTCP)
        #expect(audio.sources.isEmpty)
        let video = offer.sections[1]
        #expect(video.codecs[0].feedback.contains("nack pli"))
        #expect(video.codecs.first { $0.payloadType == 97 }?.formatParameters == "apt=96")
        #expect(offer.sections[2].iceUsernameFragment == audio.iceUsernameFragment)
    }

    @Test("a pion server's answer hands its session-level fingerprint down, and its late msid is seen")
    func pion() throws {
        let answer = try SessionDescription(parsing: SDPFixtures.wire(SDPFixtures.pionAnswer))
        #expect(answer.isICELite)
        #expect(answer.sections.allSatisfy { $0.fingerprints.count == 1 })
        #expect(answer.sections[0].streams == [MediaStreamIdentifier(streamID: "PA_AbCdEf|TR_XyZ", trackID: "TR_XyZ")])
        #expect(answer.sections[0].sources.first?.stream?.trackID == "TR_XyZ")
        #expect(answer.sections[0].candidates.count == 3)
        #expect(answer.sections[1].setup == .active)
    }

    @Test(
        "what is written is read back the same",
        arguments: SDPFixtures.all.keys.sorted())
    func roundTrip(writer: String) throws {
        let fixture = try #require(SDPFixtures.all[writer])
        let first = try SessionDescription(parsing: SDPFixtures.wire(fixture))
        let second = try SessionDescription(parsing: first.serialized())
        #expect(second == first)
    }

    @Test("msid is written before the ssrc lines")
    func order() throws {
        let text = try SessionDescription(parsing: SDPFixtures.wire(SDPFixtures.pionAnswer)).serialized()
        let lines = text.split(separator: "\r\n")
        let stream = try #require(lines.firstIndex { $0.hasPrefix("a=msid:") })
        let source = try #require(lines.firstIndex { $0.hasPrefix("a=ssrc:") })
        #expect(stream < source)
    }

    @Test("a line break in a track name does not become a line")
    func injection() throws {
        var description = SessionDescription(sessionID: 1, sessionVersion: 1)
        var section = MediaSection(kind: .audio, transport: MediaSection.secureRTPTransport, formats: ["111"])
        section.streams = [MediaStreamIdentifier(streamID: "s", trackID: "t\r\na=inactive")]
        description.sections = [section]
        #expect(!description.serialized().contains("\r\na=inactive"))
    }

    @Test(
        "no truncation of a real description traps",
        arguments: SDPFixtures.all.keys.sorted())
    func truncation(writer: String) throws {
        let fixture = try #require(SDPFixtures.all[writer])
        let bytes = Array(SDPFixtures.wire(fixture).utf8)
        for length in stride(from: 0, to: bytes.count, by: 3) {
            _ = try? SessionDescription(parsing: String(decoding: bytes[..<length], as: UTF8.self))
        }
    }

    @Test("random damage does not trap")
    func damage() {
        var random = SplitMix64(seed: 7)
        let bytes = Array(SDPFixtures.wire(SDPFixtures.aiortcOffer).utf8)
        for _ in 0..<500 {
            var damaged = bytes
            for _ in 0..<8 {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = try? SessionDescription(parsing: String(decoding: damaged, as: UTF8.self))
        }
    }

    @Test("limits are named in the error")
    func limits() {
        let sections = String(repeating: "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", count: 300)
        #expect(throws: SDPError.tooMany("sections")) { try SessionDescription(parsing: "v=0\r\n" + sections) }
        #expect(throws: SDPError.tooLong) {
            try SessionDescription(parsing: String(repeating: "a", count: SessionDescription.maximumLength + 1))
        }
        #expect(throws: SDPError.notADescription) { try SessionDescription(parsing: "hello=") }
        #expect(throws: SDPError.notADescription) { try SessionDescription(parsing: "") }
        #expect(throws: SDPError.malformed(line: 2)) { try SessionDescription(parsing: "v=0\r\nm=audio x y z") }
        let twice = "v=0\r\n" + String(repeating: "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n", count: 2)
        #expect(throws: SDPError.duplicateMID("a")) { try SessionDescription(parsing: twice) }
    }
}
