internal import ClientProtocol

/// Recordings that clients upload in containers: a whole file, or pieces of it as a browser's recorder makes them.
var recordingBenchmarks: [Benchmark] {
    [
        Benchmark("wav.read.1s", operations: 100) {
            let sound = TestSound.bytes(TestSound.voice(sampleRate: 16_000, milliseconds: 1000))
            let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000)
            let file = (WAVHeader.bytes(for: format, dataByteCount: sound.count) ?? []) + sound
            return { keep((try? WAVFile(parsing: file))?.monoSamples().count ?? 0) }
        },
        Benchmark("webm.read", operations: 100) {
            let file = try TextFile.read("Tests/Fixtures/Containers/live.webm")
            let pieces = stride(from: 0, to: file.count, by: 500).map { Array(file[$0..<min($0 + 500, file.count)]) }
            return {
                var demuxer = WebMDemuxer()
                var packets: [ContainedOpusPacket] = []
                for piece in pieces { try? demuxer.append(piece, to: &packets) }
                keep(packets.count)
            }
        },
    ]
}
