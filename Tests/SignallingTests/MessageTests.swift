import Signalling
import Testing
import Wire

@Suite struct MessageTests {
    @Test("an open enum keeps numbers that have no name")
    func openEnums() throws {
        let info = TrackInfo.with { $0.source = TrackSource(rawValue: 77) }
        #expect(try TrackInfo(decoding: info.encoded()) == info)
        #expect(info.json(.compact)["source"] == .integer(77))
        #expect(TrackSource.microphone.name == "MICROPHONE")
    }

    @Test("a field with another layout than expected is skipped")
    func otherLayout() throws {
        // Field 1 of SpeakerInfo (a string) as a varint, then a proper level.
        #expect(try SpeakerInfo(decoding: [0x08, 0x05, 0x15, 0, 0, 0, 0x3F]) == .with { $0.level = 0.5 })
    }

    @Test("the last case of a oneof counts, and parts of one embedded message are merged")
    func oneOfs() throws {
        let ping = SignalRequest.with { $0.message = .ping(7) }.encoded()
        let mute = SignalRequest.with { $0.message = .mute(.with { $0.sid = "TR_1" }) }.encoded()
        let muted = SignalRequest.with { $0.message = .mute(.with { $0.muted = true }) }.encoded()
        #expect(try SignalRequest(decoding: mute + ping).message == .ping(7))
        let both = try SignalRequest(decoding: ping + mute + muted)
        #expect(
            both.message
                == .mute(
                    .with {
                        $0.sid = "TR_1"
                        $0.muted = true
                    }))
    }

    @Test("a packet nested too deep or with broken text is refused")
    func refusals() {
        #expect(throws: ProtobufError.invalidUTF8(field: 1)) { try ParticipantInfo(decoding: [0x0A, 0x01, 0xFF]) }
        #expect(throws: ProtobufError.tooLarge(maximum: 2)) {
            try ParticipantInfo(decoding: [0x0A, 0x01, 0x41], maximumSize: 2)
        }
    }

    @Test("every truncation of a join response is read or refused, and never traps")
    func truncations() throws {
        let track = TrackInfo.with {
            $0.sid = "TR_1"
            $0.audioFeatures = [.preconnectBuffer]
        }
        let join = JoinResponse.with {
            $0.room = .with { $0.name = "räum" }
            $0.participant = .with {
                $0.attributes = ["a": "b"]
                $0.tracks = [track]
            }
            $0.iceServers = [.with { $0.urls = ["stun:a"] }]
            $0.pingInterval = -1
        }
        let bytes = SignalResponse.with { $0.message = .join(join) }.encoded()
        #expect(try SignalResponse(decoding: bytes).message == .join(join))
        for length in 1..<bytes.count {
            #expect(throws: ProtobufError.self) { try SignalResponse(decoding: Array(bytes[..<length])) }
        }
        for index in bytes.indices {
            for flip: UInt8 in [0x01, 0x07, 0x80, 0xFF] {
                var changed = bytes
                changed[index] ^= flip
                _ = try? SignalResponse(decoding: changed)
            }
        }
    }

    @Test("JSON is read in both spellings, and a wrong type is named with its path")
    func json() throws {
        let snake = try JSONValue(parsing: #"{"empty_timeout":5,"agents":[{"agent_name":"a"}],"new":1,"name":null}"#)
        let camel = try JSONValue(parsing: #"{"emptyTimeout":"5","agents":[{"agentName":"a"}]}"#)
        let room = try CreateRoomRequest(json: snake)
        #expect(try CreateRoomRequest(json: camel) == room)
        #expect(room.json(.compact).serialized() == #"{"emptyTimeout":5,"agents":[{"agentName":"a"}]}"#)
        let wrong = try JSONValue(parsing: #"{"agents":[{"agent_name":7}]}"#)
        #expect(throws: ProtobufJSONError(path: "agents.agent_name", expected: "a string", found: "number")) {
            try CreateRoomRequest(json: wrong)
        }
    }

    @Test("a server's JSON has every field, with 64-bit integers as strings")
    func serverJSON() {
        let json = RoomInfo.with { $0.creationTime = 5 }.json(.serverAnswer)
        #expect(json["creation_time"] == .string("5"))
        #expect(json["num_participants"] == .integer(0))
        #expect(json["enabled_codecs"] == .array([]))
    }
}
