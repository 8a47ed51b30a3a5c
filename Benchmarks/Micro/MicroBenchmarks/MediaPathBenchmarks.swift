internal import Bridge
internal import ClientProtocol
internal import PeerConnection
internal import Wire

/// The whole way of 20 ms of sound through a session, from the bytes of the client's WebSocket frame to the protected
/// packet and back; only the sockets are missing.
var mediaPathBenchmarks: [Benchmark] {
    [
        Benchmark("peer.send") { total in
            let pair = try PeerPair()
            pair.near.keepsDatagrams = false
            let sound = try OpusPackets(sampleRate: 16_000, count: total)
            var next = 0
            return { times in
                for _ in 0..<times {
                    sound.with(next) { payload in
                        pair.near.connection.sendAudio(
                            on: 0, payload: payload, timestamp: UInt32(next * 960),
                            audioLevel: AudioLevel(negatedDecibels: 30, hasVoice: true), now: pair.now)
                    }
                    next += 1
                }
                keep(pair.near.sentBytes)
            }
        },
        Benchmark("peer.receive") { total in
            let pair = try PeerPair()
            var packets = pair.packets(try OpusPackets(sampleRate: 24_000, count: total), count: total)
            var heard = 0
            pair.near.onSound = { _ in heard += 1 }
            var next = 0
            return { times in
                for _ in 0..<times {
                    let now = pair.now + .milliseconds(20) * next
                    pair.near.receive(&packets[next], from: pair.far, now: now)
                    keep(pair.near.connection.nextDeadline == nil ? 0 : 1)
                    next += 1
                }
                keep(heard)
            }
        },
        Benchmark("media.up", operations: 500) { total in
            try up(total, query: "input_encoding=pcm_s16le&input_sample_rate=16000") {
                let sound = TestSound.bytes(TestSound.voice(sampleRate: 16_000, milliseconds: total * 20))
                return (0..<total).map { Array(sound[$0 * 640..<$0 * 640 + 640]) }
            }
        },
        Benchmark("media.up.passthrough", operations: 500) { total in
            try up(total, query: "input_encoding=opus") {
                let sound = try OpusPackets(sampleRate: 48_000, count: total)
                return (0..<total).map { index in
                    var bytes: [UInt8] = []
                    sound.with(index) { bytes = [UInt8](copying: $0) }
                    return bytes
                }
            }
        },
        Benchmark("media.down", operations: 500) { total in
            try down(total, query: "output_encoding=pcm_s16le&output_sample_rate=24000")
        },
        Benchmark("media.down.passthrough", operations: 500) { total in
            try down(total, query: "output_encoding=opus")
        },
        Benchmark("media.tick.idle") {
            let session = try MediaSessionStand(query: "")
            return { session.tick() }
        },
    ]
}

/// The client's frames through a session into a peer connection.
private func up(_ total: Int, query: String, _ messages: () throws -> [[UInt8]]) throws -> (Int) -> Void {
    let stand = try MediaSessionStand(query: query)
    let messages = try messages()
    var next = 0
    return { times in
        for _ in 0..<times {
            stand.receive(messages[next])
            next += 1
        }
        keep(stand.pair.near.sentBytes)
    }
}

/// Packets of a peer connection through a session into frames for the client.
private func down(_ total: Int, query: String) throws -> (Int) -> Void {
    let stand = try MediaSessionStand(query: query)
    var packets = stand.pair.packets(try OpusPackets(sampleRate: 24_000, count: total), count: total)
    var next = 0
    return { times in
        for _ in 0..<times {
            stand.advance()
            stand.pair.near.receive(&packets[next], from: stand.pair.far, now: stand.now)
            next += 1
        }
        keep(stand.sentBytes)
    }
}
