import DevRoomServer
import EventLoops
import LiveKitParticipant
import Signalling
import Testing
import Wire

/// Participants with each other, in the development room server.
@Suite(.serialized) struct DevRoomTests {
    @Test("two participants hear each other, over either signalling path", arguments: [true, false], [true, false])
    func sound(first: Bool, second: Bool) async throws {
        try await DevRoomStage.play { stage in
            let anna = try await stage.join("anna", single: first)
            try await stage.until(anna, "connected")
            let ben = try await stage.join("ben", single: second)
            for (guest, other) in [(anna, "ben"), (ben, "anna")] {
                try await stage.until("\(other) is subscribed to") {
                    guest.recorder.events.contains { $0.hasPrefix("subscribed") && $0.hasSuffix("of \(other)") }
                }
                try await stage.until(guest, "heard")
                try await stage.speak(guest)
            }
            try await stage.until("sound passes") { anna.recorder.sound.count >= 20 && ben.recorder.sound.count >= 20 }
            let sound = try await stage.onLoop { ben.recorder.sound }
            // In order and without gaps.
            for (earlier, later) in zip(sound, sound.dropFirst()) { #expect(later[1] == earlier[1] &+ 1) }
        }
    }

    @Test("packets, streams, calls and attributes reach the other", arguments: [true, false])
    func data(single: Bool) async throws {
        try await DevRoomStage.play { stage in
            let anna = try await stage.join("anna", single: single, publishes: false)
            let ben = try await stage.join("ben", single: single, publishes: false)
            try await stage.until(anna, "connected")
            try await stage.until(ben, "connected")
            try await stage.until(anna, "joined ben")
            try await stage.onLoop {
                try anna.participant.data.send(Array("hello".utf8), topic: "t")
                try anna.participant.data.send(Array("only ben".utf8), topic: "t", to: ["ben"])
                try anna.participant.data.send(Array("not for ben".utf8), topic: "t", to: ["nobody"])
                try anna.participant.data.sendChat(String(repeating: "日", count: 9000))
                anna.participant.update(attributes: ["mood": "good"]) { response in
                    anna.recorder.events.append("update \(response.reason.name)")
                    anna.recorder.onChange()
                }
                ben.recorder.onEvent = { participant, event in
                    if case .rpc(let call) = event {
                        participant.data.respond(toCall: call.id, .success(call.payload + "!"))
                    }
                }
                anna.participant.data.call("greet", of: "ben", payload: "hi") { result in
                    anna.recorder.events.append("answer \(result)")
                    anna.recorder.onChange()
                }
            }
            try await stage.until(ben, "data t hello from anna")
            try await stage.until(ben, "data t only ben from anna")
            try await stage.until(ben, "stream lk.chat complete")
            try await stage.until(ben, #"attributes anna ["mood": "good"]"#)
            try await stage.until(anna, "update OK")
            try await stage.until(anna, #"answer success("hi!")"#)
            #expect(try await stage.onLoop { !ben.recorder.events.contains { $0.contains("not for ben") } })
        }
    }

    @Test("leaving is seen at once, with its reason")
    func leaving() async throws {
        try await DevRoomStage.play { stage in
            let anna = try await stage.join("anna")
            let ben = try await stage.join("ben")
            try await stage.until(anna, "subscribed")
            try await stage.until(ben, "connected")
            try await stage.onLoop { ben.participant.leave() }
            try await stage.until(anna, "left ben CLIENT_INITIATED")
            try await stage.until(anna, "unsubscribed")
        }
    }

    @Test("the same identity twice: the newer session stays")
    func duplicates() async throws {
        try await DevRoomStage.play { stage in
            let first = try await stage.join("anna")
            try await stage.until(first, "connected")
            let second = try await stage.join("anna")
            try await stage.until(second, "connected")
            try await stage.until("the first is sent away") { first.participant.isClosed }
            let last = try await stage.onLoop { first.recorder.events.last }
            #expect(last == "disconnected \(ParticipantEnding.removed(.duplicateIdentity))")
        }
    }

    @Test("a token of another secret is refused")
    func forgedToken() async throws {
        try await DevRoomStage.play { stage in
            let guest = try await stage.join("anna", secret: "wrong")
            try await stage.until("the end") { guest.participant.isClosed }
            #expect(try await stage.onLoop { guest.recorder.failure?.kind } == .unauthorized)
        }
    }

    @Test("who speaks is told")
    func speakers() async throws {
        try await DevRoomStage.play { stage in
            let anna = try await stage.join("anna")
            let ben = try await stage.join("ben", publishes: false)
            try await stage.until(anna, "heard")
            try await stage.speak(anna)
            try await stage.onLoop {
                ben.recorder.onEvent = { _, event in
                    if case .room(.speakersChanged(let speakers)) = event, speakers.map(\.identity) == ["anna"] {
                        ben.recorder.events.append("anna speaks")
                    }
                }
            }
            try await stage.until(ben, "anna speaks")
        }
    }
}
