/// Every benchmark, in the order of the table.
var allBenchmarks: [Benchmark] {
    wireBenchmarks + rtpBenchmarks + iceBenchmarks + signallingBenchmarks + webSocketBenchmarks + soundBenchmarks
        + recordingBenchmarks + mediaPathBenchmarks
}

/// Ways through the gateway that hold one encoding or decoding, and that alone.
let mediaShares: [(path: String, codec: String)] = [
    ("media.up", "opus.encode"),
    ("media.down", "opus.decode"),
    ("media.up.passthrough", "opus.encode"),
    ("media.down.passthrough", "opus.decode"),
]
