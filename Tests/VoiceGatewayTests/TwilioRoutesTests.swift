import ClientProtocol
import HTTP
import HTTPClient
import Testing
import Wire

@testable import VoiceGateway

@Suite("Telephone numbers at Twilio")
struct TwilioRoutesTests {
    private let form = [
        (name: "CallSid", value: "CA1234567890ABCDE"), (name: "Digits", value: "1234"),
        (name: "From", value: "+14158675309"), (name: "To", value: "+18005551212"),
        (name: "Caller", value: "+14158675309"),
    ]

    @Test(
        "signatures of Twilio's own examples fit",
        arguments: [
            ("https://mycompany.com/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com/myapp.php?foo=1&bar=2", "kvajT1Ptam85bY51eRf/AJRuM3w="),
            ("https://mycompany.com:443/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
            ("http://mycompany.com/myapp.php?foo=1&bar=2", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ])
    func published(url: String, signature: String) {
        #expect(TwilioSignature.isValid(signature, of: url, form: form, token: "12345"))
        #expect(!TwilioSignature.isValid(signature, of: url, form: form, token: "12346"))
        #expect(!TwilioSignature.isValid(signature, of: url, form: Array(form.dropLast()), token: "12345"))
        #expect(!TwilioSignature.isValid(signature, of: url + "&x=1", form: form, token: "12345"))
    }

    @Test(
        "the address of a WebSocket may have been signed in each of its spellings",
        arguments: [
            "/9CePW9ateVCsfEI0ovxcY95674=", "4aurb5Z1hSi9C/iRt/M4CEy95JA=", "bGT7QkuRBHnHU8LcR8cmuzbBAqw=",
        ])
    func webSocket(signature: String) {
        for url in ["wss://voice.example.com/twilio", "wss://voice.example.com:443/twilio/"] {
            #expect(TwilioSignature.isValid(signature, of: url, token: "12345"))
        }
        #expect(!TwilioSignature.isValid(signature, of: "ws://voice.example.com/twilio", token: "12345"))
    }

    @Test("what is no signature fits nothing", arguments: [nil, "", "!", "AAAA"])
    func nothing(signature: String?) {
        #expect(!TwilioSignature.isValid(signature, of: "wss://voice.example.com/twilio", token: "12345"))
        #expect(!TwilioSignature.isValid("/9CePW9ateVCsfEI0ovxcY95674=", of: "", token: "12345"))
    }

    @Test("a call is connected to the gateway, with the query's pairs and the numbers as parameters")
    func voice() throws {
        let answer = try HTTPStage().send(
            .post, "/twilio/voice?agent=support&note=a%22%3C%26", "From=%2B14158675309&To=%2B18005551212",
            headers: [("Host", "voice.test"), ("Content-Type", "application/x-www-form-urlencoded")])
        #expect(answer.status == 200)
        #expect(
            String(decoding: answer.response.body, as: UTF8.self) == """
                <?xml version="1.0" encoding="UTF-8"?>
                <Response><Connect><Stream url="ws://voice.test/twilio"><Parameter name="agent" value="support"/>\
                <Parameter name="note" value="a&quot;&lt;&amp;"/><Parameter name="from" value="+14158675309"/>\
                <Parameter name="to" value="+18005551212"/></Stream></Connect></Response>

                """)
    }

    // MARK: Ending calls

    private var settings: CarrierSettings {
        var settings = CarrierSettings()
        settings.twilioAuthToken = "12345"
        settings.telnyxAPIKey = "KEY1"
        settings.plivoAuthID = "MA1"
        settings.plivoAuthToken = "token"
        return settings
    }

    private func url(_ text: String) -> HTTPURL? { try? HTTPURL(text) }

    @Test("calls are ended at their carriers as each of them wants it")
    func hangUps() throws {
        let twilio = try #require(
            CarrierHangUps.request(for: CarrierCall(carrier: "twilio", account: "AC1", call: "CA1"), settings))
        #expect(twilio.method == .post && twilio.body == Array("Status=completed".utf8))
        #expect(
            twilio.url == url("https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1.json")
                && twilio.headers["Authorization"] == "Basic QUMxOjEyMzQ1")
        let telnyx = try #require(
            CarrierHangUps.request(for: CarrierCall(carrier: "telnyx", call: "v3:9X-_."), settings))
        #expect(
            telnyx.method == .post
                && telnyx.url == url("https://api.telnyx.com/v2/calls/v3:9X-_./actions/hangup")
                && telnyx.headers["Authorization"] == "Bearer KEY1")
        let plivo = try #require(
            CarrierHangUps.request(for: CarrierCall(carrier: "plivo", account: "1", call: "c0"), settings))
        #expect(
            plivo.method == .delete && plivo.url == url("https://api.plivo.com/v1/Account/MA1/Call/c0/")
                && plivo.headers["Authorization"] == "Basic TUExOnRva2Vu")
    }

    @Test(
        "nobody is asked to end a call without credentials, or one whose name leads elsewhere",
        arguments: ["", "..", "a/b", "a?b", "a%2Fb", "ä", String(repeating: "a", count: 257)])
    func noHangUp(name: String) {
        for carrier in ["twilio", "telnyx", "plivo"] {
            let call = CarrierCall(carrier: carrier, account: "AC1", call: "CA1")
            #expect(CarrierHangUps.request(for: call, CarrierSettings()) == nil)
            let other = CarrierCall(carrier: carrier, account: "AC1", call: name)
            #expect(CarrierHangUps.request(for: other, settings) == nil)
        }
        let account = CarrierCall(carrier: "twilio", account: name, call: "CA1")
        #expect(CarrierHangUps.request(for: account, settings) == nil)
        #expect(CarrierHangUps.request(for: CarrierCall(carrier: "exotel", call: "CA1"), settings) == nil)
    }
}
