import ClientProtocol
import Signalling
import Testing

@testable import VoiceGateway

@Suite("Telephone keys in a room's packets")
struct DTMFDigitTests {
    private func digit(_ text: String, code: UInt32 = 99) -> DTMFDigit? {
        DTMFDigit(
            .with {
                $0.digit = text
                $0.code = code
            })
    }

    @Test("the text counts, or the code where there is none, and nothing else is a key")
    func keys() {
        #expect(digit("5", code: 1) == .five && digit("d") == .d && digit("#") == .pound)
        #expect(digit("", code: 11) == .pound && digit("", code: 0) == .zero)
        for text in ["", "12", "E", "ß", "５", " "] { #expect(digit(text) == nil) }
    }
}
