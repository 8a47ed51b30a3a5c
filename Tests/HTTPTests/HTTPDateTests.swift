import HTTP
import Testing

@Suite("Dates in HTTP")
struct HTTPDateTests {
    @Test(
        "a date is seconds since 1970",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:60 GMT", 951_868_800), ("Mon, 30 Nov 2026 12:00:00 GMT", 1_796_040_000),
            ("Wed, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] as [(String, Int64)])
    func dates(text: String, seconds: Int64) { #expect(HTTPDate.unixTime(of: text) == seconds) }

    @Test(
        "anything else is no date",
        arguments: [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        ])
    func others(text: String) { #expect(HTTPDate.unixTime(of: text) == nil) }

    @Test("what is written is read as the same time, on the days about the ends of months, years and centuries")
    func written() {
        #expect(HTTPDate.text(unixTime: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(unixTime: -5) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(unixTime: 4_107_542_400) == "Mon, 01 Mar 2100 00:00:00 GMT")
        for day in stride(from: Int64(0), to: 366 * 140, by: 1) {
            let time = day * 86_400 + 86_399 - day % 7
            #expect(HTTPDate.unixTime(of: HTTPDate.text(unixTime: time)) == time)
        }
    }
}
