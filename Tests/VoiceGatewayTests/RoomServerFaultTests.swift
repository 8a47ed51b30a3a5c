import EventLoops
import HTTP
import HTTPClient
import LiveKitParticipant
import SecureTransport
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("Why the room server cannot be used")
struct RoomServerFaultTests {
    private let origin = HTTPOrigin(isSecure: true, host: "x.test", port: 443)

    private func fault(_ error: HTTPClientError) -> RoomServerFault {
        RoomServerFault(.unreachable(method: "ListParticipants", error), clockOffset: nil)
    }

    @Test("each cause has its word")
    func reasons() {
        #expect(fault(.unresolved(origin, .nameNotFound("x.test"))).reason == .dns)
        #expect(fault(.unreachable(origin, .connectionRefused)).reason == .unreachable)
        #expect(fault(.disconnected(origin)).reason == .unreachable)
        #expect(fault(.insecure(origin, .truncated(host: "x.test"))).reason == .tls)
        #expect(fault(.timedOut(origin)).reason == .timeout)
        #expect(fault(.malformedResponse(origin, reason: "no status line")).reason == .notLiveKit)
        let codes: [(TwirpCode, RoomServerFault.Reason)] = [
            (.unauthenticated, .unauthorized), (.permissionDenied, .unauthorized), (.badRoute, .notLiveKit),
            (.resourceExhausted, .unavailable), (.invalidArgument, .refused),
        ]
        for (code, reason) in codes { #expect(RoomServerFault(.refused(code), clockOffset: nil).reason == reason) }
        let page = ServerAPIError.refused(method: "ListParticipants", TwirpError(status: 301, body: []))
        #expect(RoomServerFault(page, clockOffset: nil).reason == .notLiveKit)
    }

    @Test("a token that is refused while the clocks differ is refused because they do, by so many seconds")
    func clock() {
        let behind = RoomServerFault(.refused(.unauthenticated), clockOffset: 3600)
        #expect(behind.reason == .clockSkew)
        #expect(behind.summary.hasSuffix(": this machine's clock is 3600 s behind the room server's"))
        let ahead = RoomServerFault(.refused(.unauthenticated), clockOffset: -61)
        #expect(ahead.detail.hasSuffix(": this machine's clock is 61 s ahead of the room server's"))
        #expect(RoomServerFault(.refused(.unauthenticated), clockOffset: 59).reason == .unauthorized)
        #expect(RoomServerFault(.refused(.badRoute), clockOffset: 3600).reason == .notLiveKit)
    }
}
