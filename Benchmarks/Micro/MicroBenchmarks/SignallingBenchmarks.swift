internal import Signalling
internal import Wire

/// Protobuf, as LiveKit's servers speak it.
var signallingBenchmarks: [Benchmark] {
    let response = SignalResponse.with {
        $0.message = .update(
            .with {
                $0.participants = [
                    .with {
                        $0.sid = "PA_8sLqk2mWZc4A"
                        $0.identity = "agent-AJ_hJ3kdWmZq2"
                        $0.state = .active
                        $0.joinedAt = 1_700_000_000
                        $0.name = "clerk"
                        $0.version = 7
                        $0.kind = .agent
                        $0.attributes = ["lk.agent.state": "listening"]
                        $0.tracks = [
                            .with {
                                $0.sid = "TR_AMW9uqLkyDeTEY"
                                $0.name = "roomio_audio"
                                $0.type = .audio
                                $0.source = .microphone
                                $0.mimeType = "audio/red"
                                $0.mid = "3"
                            }
                        ]
                    }
                ]
            })
    }
    let packet = DataPacket.with {
        $0.participantIdentity = "agent-AJ_hJ3kdWmZq2"
        $0.value = .user(
            .with {
                $0.payload = [UInt8](repeating: 0x61, count: 200)
                $0.topic = "reply"
            })
    }
    let responseBytes = response.encoded()
    let packetBytes = packet.encoded()
    return [
        Benchmark("protobuf.update.read", operations: 300) {
            { keep((try? SignalResponse(decoding: responseBytes)) == nil ? 0 : 1) }
        },
        Benchmark("protobuf.update.write", operations: 300) { { keep(response.encoded().count) } },
        Benchmark("protobuf.data.read") { { keep((try? DataPacket(decoding: packetBytes)) == nil ? 0 : 1) } },
        Benchmark("protobuf.data.write") { { keep(packet.encoded().count) } },
    ]
}
