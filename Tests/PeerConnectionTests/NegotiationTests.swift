import Testing

@testable import PeerConnection

@Suite("Negotiation")
struct NegotiationTests {
    private static func options(_ change: (inout Negotiation.Options) -> Void = { _ in }) -> Negotiation.Options {
        var options = PeerConnectionConfiguration().negotiation(cname: "somebody")
        change(&options)
        return options
    }

    private static func local(_ name: String) throws -> LocalTransport {
        LocalTransport(
            credentials: try #require(
                ICECredentials(usernameFragment: name, password: String(repeating: "p", count: 24))),
            fingerprint: CertificateFingerprint(algorithm: "sha-256", digest: [UInt8](repeating: 7, count: 32)),
            candidates: ["candidate:1 1 udp 1 192.0.2.1 5000 typ host"], isLite: false)
    }

    private let track = LocalTrack(streamID: "stream", trackID: "voice", ssrc: 77)

    /// An offerer with a track of sound and data, and what the two sides agree upon.
    private func agree() throws -> (offerer: Negotiation, answerer: Negotiation, updates: [StreamUpdate]) {
        var offerer = Negotiation(options: Self.options(), sessionID: 1)
        var answerer = Negotiation(options: Self.options(), sessionID: 2)
        let audio = offerer.addAudioSection(direction: .sendReceive)
        #expect(audio == 0)
        offerer.change(0) { $0.setTrack(track) }
        _ = offerer.addDataSection()
        let offer = try offerer.createOffer(try Self.local("left"))
        let updates = answerer.accept(offer: try answerer.read(offer: offer))
        let answer = try answerer.createAnswer(try Self.local("right"), role: .client)
        _ = offerer.accept(answer: try offerer.read(answer: answer.text))
        return (offerer, answerer, updates)
    }

    @Test("an offer announces the track to the streams, and nothing flows before the answer")
    func announces() throws {
        let updates = try agree().updates
        #expect(updates.count == 2)
        let announced = RemoteTrack(section: 0, mid: "0", streamID: "stream", trackID: "voice", ssrc: 77)
        #expect(updates[0].announcement == .track(announced))
        #expect(!updates[0].parameters.receives)
        #expect(updates[0].parameters.opusPayloadType == 111)
        #expect(updates[0].parameters.hasNACK)
    }

    @Test("with the answer both sides agree on who sends and on the numbers of codecs and extensions")
    func agrees() throws {
        let (offerer, answerer, _) = try agree()
        let left = offerer.transceivers[0].update().parameters
        let right = answerer.transceivers[0].update().parameters
        #expect(left.sends && !left.receives)
        #expect(right.receives && !right.sends)
        #expect(left.opusPayloadType == right.opusPayloadType)
        #expect(left.midExtensionID == right.midExtensionID)
        #expect(left.audioLevelExtensionID == right.audioLevelExtensionID)
        #expect(offerer.hasData && answerer.hasData)
        #expect(offerer.phase == .stable && answerer.phase == .stable)
    }

    @Test("an offer that is refused leaves everything as it was")
    func refusesWithoutATrace() throws {
        var (_, answerer, _) = try agree()
        let before = answerer.transceivers.map { $0.information(remoteTrack: nil) }
        #expect(throws: NegotiationError.sectionsChanged) {
            _ = try answerer.read(offer: "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\n")
        }
        #expect(throws: NegotiationError.wrongState) {
            _ = try answerer.createAnswer(try Self.local("elsewhere"), role: nil)
        }
        #expect(answerer.transceivers.map { $0.information(remoteTrack: nil) } == before)
    }

    @Test("a section without a codec of ours is turned down and repeated as it came")
    func turnsDown() throws {
        var answerer = Negotiation(options: Self.options(), sessionID: 2)
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\na=rtcp-mux\r\na=sendrecv\r\n"
        let updates = answerer.accept(offer: try answerer.read(offer: offer))
        #expect(updates.map(\.announcement) == [.none])
        let answer = try answerer.createAnswer(try Self.local("right"), role: .client).text
        #expect(answer.contains("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"))
    }

    @Test("a new track on a section is sent only after the next answer")
    func newTrack() throws {
        var (offerer, _, _) = try agree()
        #expect(offerer.transceivers[0].update().parameters.sends)
        offerer.change(0) { $0.setTrack(LocalTrack(streamID: "stream", trackID: "other", ssrc: 78)) }
        #expect(!offerer.transceivers[0].update().parameters.sends)
    }

    @Test("a fresh section's id is one that the peer has not used")
    func freshIDs() throws {
        var answerer = Negotiation(options: Self.options(), sessionID: 2)
        let sections = ["1", "2"].map { "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:\($0)\r\na=rtcp-mux\r\n" }
        let offer = "v=0\r\na=group:BUNDLE 1 2\r\n" + sections.joined()
        _ = answerer.accept(offer: try answerer.read(offer: offer))
        let added = answerer.addAudioSection(direction: .receiveOnly)
        #expect(added == 2)
        #expect(answerer.transceivers.last?.mid == "3")
    }
}
