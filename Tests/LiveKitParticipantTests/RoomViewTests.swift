import LiveKitParticipant
import Signalling
import Testing

@Suite struct RoomViewTests {
    static func participant(
        _ identity: String, sid: String? = nil, version: UInt32 = 1, _ fill: (inout ParticipantInfo) -> Void = { _ in }
    ) -> ParticipantInfo {
        var info = ParticipantInfo()
        info.sid = sid ?? "PA_\(identity)"
        info.identity = identity
        info.state = .joined
        info.version = version
        fill(&info)
        return info
    }

    static func track(_ sid: String, muted: Bool = false) -> TrackInfo {
        .with {
            $0.sid = sid
            $0.source = .microphone
            $0.muted = muted
        }
    }

    static func view(_ others: ParticipantInfo...) -> RoomView {
        var view = RoomView()
        _ = view.joined(
            .with {
                $0.participant = participant("me")
                $0.otherParticipants = others
            })
        return view
    }

    @Test("those who are there already are announced with their tracks")
    func joining() {
        let agent = Self.participant("agent") {
            $0.state = .active
            $0.tracks = [Self.track("TR_1")]
        }
        var view = RoomView()
        let changes = view.joined(
            .with {
                $0.participant = Self.participant("me")
                $0.otherParticipants = [agent]
            })
        #expect(
            changes == [
                .participantJoined(agent), .participantActive(agent), .trackPublished(Self.track("TR_1"), agent),
            ])
        #expect(view.track(sid: "TR_1")?.participant.identity == "agent")
    }

    @Test("attributes, metadata, mute and tracks are told apart")
    func differences() {
        let before = Self.participant("a") {
            $0.attributes = ["x": "1", "gone": "1"]
            $0.tracks = [Self.track("TR_1"), Self.track("TR_2")]
        }
        var view = Self.view(before)
        let after = Self.participant("a", version: 2) {
            $0.attributes = ["x": "2", "new": "1"]
            $0.metadata = "m"
            $0.tracks = [Self.track("TR_1", muted: true), Self.track("TR_3")]
        }
        #expect(
            view.update([after]) == [
                .attributesChanged(after, changed: ["x": "2", "new": "1", "gone": ""]), .metadataChanged(after),
                .trackUnpublished(Self.track("TR_2"), after), .trackMuted(Self.track("TR_1", muted: true), after),
                .trackPublished(Self.track("TR_3"), after),
            ])
    }

    @Test("an older version of a participant is ignored")
    func versions() {
        var view = Self.view(Self.participant("a", version: 5))
        #expect(view.update([Self.participant("a", version: 4) { $0.metadata = "old" }]).isEmpty)
        #expect(view.participant(identity: "a")?.metadata == "")
    }

    @Test("leaving takes the tracks along and names the reason")
    func leaving() {
        let info = Self.participant("a") { $0.tracks = [Self.track("TR_1")] }
        var view = Self.view(info)
        let gone = Self.participant("a", version: 2) {
            $0.state = .disconnected
            $0.disconnectReason = .clientInitiated
        }
        #expect(
            view.update([gone]) == [
                .trackUnpublished(Self.track("TR_1"), info), .participantLeft(info, .clientInitiated),
            ])
        #expect(view.update([gone]).isEmpty)
    }

    @Test("the same identity with another sid replaces the earlier session, whose end is told too late")
    func replacement() {
        let old = Self.participant("a", sid: "PA_old")
        let new = Self.participant("a", sid: "PA_new")
        var view = Self.view(old)
        #expect(view.update([new]) == [.participantLeft(old, .duplicateIdentity), .participantJoined(new)])
        let end = Self.participant("a", sid: "PA_old", version: 9) { $0.state = .disconnected }
        #expect(view.update([end]).isEmpty)
        #expect(view.participant(identity: "a")?.sid == "PA_new")
    }

    @Test("after a resume whoever is missing in the complete list has left")
    func snapshots() {
        let stays = Self.participant("stays")
        let left = Self.participant("left")
        var view = Self.view(stays, left)
        view.resumed()
        #expect(view.update([stays]).isEmpty)
        #expect(view.update([Self.participant("me"), stays]) == [.participantLeft(left, .unknownReason)])
        #expect(view.update([Self.participant("me")]).isEmpty)
    }

    @Test("speakers are listed by loudness until they fall silent")
    func speakers() {
        var view = Self.view(Self.participant("a"), Self.participant("b"))
        func speaker(_ sid: String, _ level: Float) -> SpeakerInfo {
            .with {
                $0.sid = sid
                $0.level = level
                $0.active = level > 0
            }
        }
        #expect(
            view.update([speaker("PA_a", 0.2), speaker("PA_me", 0.5), speaker("PA_unknown", 1)]) == [
                .speakersChanged([Speaker(identity: "me", level: 0.5), Speaker(identity: "a", level: 0.2)])
            ])
        #expect(
            view.update([speaker("PA_me", 0)]) == [.speakersChanged([Speaker(identity: "a", level: 0.2)])])
    }

    @Test("our own entry is kept apart from the others")
    func ourselves() {
        var view = Self.view()
        let me = Self.participant("me", version: 2) { $0.attributes = ["a": "b"] }
        #expect(view.update([me]) == [.localParticipantChanged(me)])
        #expect(view.participants.isEmpty)
        #expect(view.local.attributes == ["a": "b"])
    }

    @Test("whoever is in the room, and their tracks, are found by sid; who left is not")
    func lookup() {
        let ann = Self.participant("ann") { $0.tracks = [Self.track("TR_1"), Self.track("TR_2")] }
        var view = Self.view(ann)
        #expect(view.participant(sid: "PA_ann") == ann)
        #expect(view.track(sid: "TR_2")?.participant == ann && view.track(sid: "TR_2")?.track.sid == "TR_2")
        let fewer = Self.participant("ann", version: 2) { $0.tracks = [Self.track("TR_2")] }
        _ = view.update([fewer])
        #expect(view.track(sid: "TR_1") == nil && view.track(sid: "TR_2") != nil)
        let again = Self.participant("ann", sid: "PA_ann2") { $0.tracks = [Self.track("TR_3")] }
        _ = view.update([again])
        #expect(view.participant(sid: "PA_ann") == nil && view.participant(sid: "PA_ann2") == again)
        #expect(view.track(sid: "TR_2") == nil && view.track(sid: "TR_3") != nil)
        _ = view.update([Self.participant("ann", sid: "PA_ann2", version: 2) { $0.state = .disconnected }])
        #expect(view.participant(sid: "PA_ann2") == nil && view.track(sid: "TR_3") == nil)
    }
}
