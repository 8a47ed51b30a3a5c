// swift-tools-version: 6.3
import PackageDescription

// Three rooms are the product (VoiceGateway, Bridge, LiveKitParticipant, with DevRoomServer beside them);
// pure cores and C adapters support them. A target may import only what is below it in this file.

/// Applied to every Swift target, so that no target is stricter or laxer than its neighbour.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
]

/// A C library behind a module map; `shim.h` also holds what Swift cannot see (macros, variadics).
func cLibrary(_ name: String, pkgConfig: String, debian: String) -> Target {
    .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([debian])])
}

/// `hasScope`: a SCOPE.md beside the sources says which parts of its RFCs are left out.
func core(_ name: String, _ dependencies: [Target.Dependency] = [], hasScope: Bool = false) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Cores/\(name)", exclude: hasScope ? ["SCOPE.md"] : [])
}

func adapter(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Adapters/\(name)")
}

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(name)")
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)")
}

var targets: [Target] = [
    // C libraries
    cLibrary("CLibUV", pkgConfig: "libuv", debian: "libuv1-dev"),
    cLibrary("COpenSSL", pkgConfig: "openssl", debian: "libssl-dev"),
    // Only tests: it judges the packets of our own SRTP.
    cLibrary("CSRTP2", pkgConfig: "libsrtp2", debian: "libsrtp2-dev"),
    cLibrary("COpus", pkgConfig: "opus", debian: "libopus-dev"),
    cLibrary("CSpeexDSP", pkgConfig: "speexdsp", debian: "libspeexdsp-dev"),
    cLibrary("CNGHTTP2", pkgConfig: "libnghttp2", debian: "libnghttp2-dev"),

    // Files of examples/browser as constants.
    .target(name: "CWebFiles", path: "Sources/C/CWebFiles"),

    // Cores: pure values; bytes and time in, bytes, events and deadlines out
    core("Wire"),
    core("PeerConnection", ["Wire"], hasScope: true),
    core("Signalling", ["Wire"], hasScope: true),
    core("ClientProtocol", ["Wire"]),
    core("HTTP", ["Wire"]),
    core("RESP"),

    // Adapters: one C library each, and what stands on them without one
    adapter("Observability", ["Wire"]),
    adapter("EventLoops", ["Wire", "CLibUV"]),
    adapter("SecureTransport", ["Wire", "PeerConnection", "COpenSSL"]),
    adapter("AudioCodec", ["Wire", "COpus", "CSpeexDSP"]),
    adapter("ByteStreams", ["Wire", "PeerConnection", "HTTP", "EventLoops", "SecureTransport"]),
    adapter("RedisClient", ["Wire", "RESP", "EventLoops", "SecureTransport", "ByteStreams"]),
    adapter("HTTPServer", ["Wire", "HTTP", "EventLoops", "SecureTransport", "ByteStreams"]),
    adapter("WebSocket", ["Wire", "HTTP", "EventLoops", "SecureTransport", "ByteStreams", "HTTPServer"]),
    adapter("HTTPClient", ["Wire", "HTTP", "EventLoops", "SecureTransport", "ByteStreams", "CNGHTTP2"]),

    // The product
    room(
        "LiveKitParticipant",
        [
            "Wire", "PeerConnection", "Signalling", "HTTP", "Observability", "EventLoops", "SecureTransport",
            "ByteStreams", "WebSocket", "HTTPClient",
        ]),
    room(
        "DevRoomServer",
        [
            "Wire", "PeerConnection", "Signalling", "HTTP", "Observability", "EventLoops", "SecureTransport",
            "AudioCodec", "ByteStreams", "HTTPServer", "WebSocket",
        ]),
    room("Bridge", ["Wire", "PeerConnection", "ClientProtocol", "LiveKitParticipant", "Observability", "AudioCodec"]),
    room("LoadGenerator", ["Wire", "HTTP", "EventLoops", "SecureTransport", "AudioCodec", "WebSocket"]),
    .executableTarget(
        name: "VoiceGateway",
        dependencies: [
            "Wire", "PeerConnection", "Signalling", "ClientProtocol", "HTTP", "Observability", "EventLoops",
            "SecureTransport", "AudioCodec", "ByteStreams", "HTTPServer", "WebSocket", "HTTPClient",
            "LiveKitParticipant", "DevRoomServer", "Bridge", "LoadGenerator", "CWebFiles", "RESP",
            "RedisClient",
        ],
        path: "Sources/VoiceGateway"),

    // Tests
    .target(name: "CostMeter", path: "Tests/CostMeter"),
    .target(name: "CostTestSupport", dependencies: ["CostMeter"], path: "Tests/CostTestSupport"),
    .target(name: "TestSupport", dependencies: ["Wire", "PeerConnection"], path: "Tests/TestSupport"),
    .target(
        name: "NetworkTestSupport", dependencies: ["Wire", "EventLoops", "COpenSSL", "CNGHTTP2"],
        path: "Tests/NetworkTestSupport"),
    .executableTarget(
        name: "ProtobufProbe", dependencies: ["Wire", "Signalling", "SecureTransport"], path: "Tests/ProtobufProbe"),
    .executableTarget(
        name: "PeerProbe",
        dependencies: ["Wire", "PeerConnection", "SecureTransport", "EventLoops", "AudioCodec", "TestSupport"],
        path: "Tests/PeerProbe"),
    .executableTarget(
        name: "WebSocketProbe",
        dependencies: ["Wire", "HTTP", "EventLoops", "SecureTransport", "HTTPServer", "WebSocket"],
        path: "Tests/WebSocketProbe"),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "Wire", "PeerConnection", "Signalling", "ClientProtocol", "HTTP", "RESP", "WebSocket", "HTTPClient",
            "TestSupport",
        ],
        path: "Fuzz/Targets"),
    tests("FuzzTargetsTests", ["FuzzTargets"]),
    tests("WireTests", ["Wire", "TestSupport"]),
    tests("PeerConnectionTests", ["Wire", "PeerConnection", "TestSupport"]),
    tests("SignallingTests", ["Wire", "Signalling", "SecureTransport", "TestSupport"]),
    tests("ClientProtocolTests", ["Wire", "ClientProtocol", "TestSupport", "CostTestSupport"]),
    tests("HTTPTests", ["Wire", "HTTP"]),
    tests("RESPTests", ["RESP"]),
    tests("ObservabilityTests", ["Wire", "Observability"]),
    tests("EventLoopsTests", ["Wire", "EventLoops", "NetworkTestSupport"]),
    tests(
        "SecureTransportTests",
        ["Wire", "PeerConnection", "SecureTransport", "CSRTP2", "TestSupport", "NetworkTestSupport"]),
    tests("AudioCodecTests", ["Wire", "AudioCodec", "TestSupport"]),
    tests(
        "WebSocketTests",
        [
            "Wire", "HTTP", "EventLoops", "SecureTransport", "HTTPServer", "WebSocket", "TestSupport",
            "CostTestSupport", "NetworkTestSupport",
        ]),
    tests(
        "HTTPClientTests",
        ["Wire", "HTTP", "EventLoops", "SecureTransport", "HTTPClient", "CostTestSupport", "NetworkTestSupport"]),
    tests(
        "LiveKitParticipantTests",
        [
            "Wire", "PeerConnection", "Signalling", "HTTP", "LiveKitParticipant", "DevRoomServer", "EventLoops",
            "SecureTransport", "AudioCodec", "HTTPServer", "WebSocket", "HTTPClient", "Observability", "TestSupport",
            "NetworkTestSupport",
        ]),
    tests(
        "DevRoomServerTests",
        [
            "Wire", "PeerConnection", "Signalling", "DevRoomServer", "EventLoops", "SecureTransport", "AudioCodec",
            "WebSocket", "HTTPClient", "Observability", "TestSupport",
        ]),
    tests(
        "VoiceGatewayTests",
        [
            "Wire", "Signalling", "SecureTransport", "Observability", "ClientProtocol", "HTTP", "WebSocket",
            "EventLoops", "HTTPClient", "Bridge", "LiveKitParticipant", "DevRoomServer", "VoiceGateway",
            "LoadGenerator", "RedisClient", "TestSupport",
        ]),
    tests("LoadGeneratorTests", ["Wire", "AudioCodec", "LoadGenerator"]),
    tests(
        "BridgeTests",
        [
            "Wire", "PeerConnection", "ClientProtocol", "Bridge", "LiveKitParticipant", "AudioCodec", "Observability",
            "LoadGenerator", "TestSupport",
        ]),
]

// Tools for those who work on the gateway; ordinary builds do not see them.
if Context.environment["MICROBENCH"] != nil {
    targets += [
        .target(name: "CMeasure", path: "Benchmarks/Micro/CMeasure"),
        .executableTarget(
            name: "MicroBenchmarks",
            dependencies: [
                "CMeasure", "Wire", "PeerConnection", "Signalling", "ClientProtocol", "EventLoops", "SecureTransport",
                "AudioCodec", "WebSocket", "LiveKitParticipant", "Bridge",
            ],
            path: "Benchmarks/Micro/MicroBenchmarks"),
    ]
}

if Context.environment["BENCH"] != nil {
    targets += [
        .executableTarget(
            name: "OpusAlone", dependencies: ["Wire", "AudioCodec", "Bridge", "LoadGenerator"],
            path: "Benchmarks/Opus"),
        .executableTarget(name: "BareRelay", path: "Benchmarks/Relay"),
    ]
}

// libFuzzer brings a main function of its own, with which an ordinary build cannot be linked.
if Context.environment["FUZZ"] != nil {
    targets.append(.executableTarget(name: "Fuzzer", dependencies: ["FuzzTargets"], path: "Fuzz/Fuzzer"))
}

for target in targets where target.type != .system { target.swiftSettings = strict }

let package = Package(
    name: "VoiceGateway",
    products: [.executable(name: "VoiceGateway", targets: ["VoiceGateway"])],
    targets: targets
)
