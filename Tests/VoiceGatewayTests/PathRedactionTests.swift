import Testing

@testable import VoiceGateway

@Suite("Paths in the log")
struct PathRedactionTests {
    @Test(
        "keys and tokens that got into a path are not shown",
        arguments: [
            ("/", "/"), ("/wss", "/wss"), ("/v1/room", "/v1/room"),
            ("/ws/9f86d081884c7d659a2feaa0c55ad015", "/ws/(not shown)"),
            ("/ws&api_key=alpha", "/ws&api_key=(not shown)"), ("/api_key=alpha/x", "/api_key=(not shown)/x"),
            ("/eyJhbGci.eyJ.x", "/(token)"),
        ])
    func shown(path: String, expected: String) {
        #expect(PathRedaction.shown(path) == expected)
    }
}
