import HTTP
import Testing
import VoiceGateway
import Wire

@Suite("The table of calls")
struct CallTableTests {
    private func call(_ session: String, _ change: (inout CallRow) -> Void = { _ in }) -> CallRow {
        var row = CallRow()
        row.session = session
        row.room = "room-of-\(session)"
        row.identity = "ann"
        row.agent = "custom-agent"
        row.address = "192.0.2.1"
        row.state = "joined"
        change(&row)
        return row
    }

    /// The sessions in the order of the lines.
    private func order(_ rows: [CallRow], by sort: CallColumn, isReversed: Bool = false) -> [String] {
        CallTable(sort: sort, isReversed: isReversed).lines(rows, width: nil, height: nil).dropFirst().map {
            String($0.prefix { $0 != " " })
        }
    }

    @Test("a call of the admin API becomes a row; what is missing or strange is empty")
    func reading() {
        let row = CallRow([
            "id": "s1", "room": "r\u{1B}[2J", "identity": "ann", "state": "agent_present", "agent_state": "speaking",
            "seconds": 61, "first_sound_ms": nil, "up": ["queued_ms": 40, "dropped_ms": 20],
            "down": ["concealed_ms": "many", "dropped_messages": 2], "resumes": 1, "reconnects": 2,
        ])
        #expect(row.room == "r [2J" && row.agent == "" && row.lost == 0 && row.firstSound == nil)
        #expect(row.queued == 40 && row.dropped == 22 && row.returns == 3)
        let lines = CallTable(sort: .time).lines([row], width: nil, height: nil)
        #expect(lines.count == 2 && lines[1].contains("speaking") && lines[1].contains("1:01"))
    }

    @Test("numbers are sorted from the largest on, texts by the alphabet, equal calls always alike")
    func sorting() {
        let rows = [
            call("b") { $0.seconds = 5 }, call("a") { $0.seconds = 60 }, call("c") { $0.seconds = 5 },
        ]
        #expect(order(rows, by: .time) == ["a", "b", "c"])
        #expect(order(rows.reversed(), by: .time) == ["a", "b", "c"])
        #expect(order(rows, by: .time, isReversed: true) == ["b", "c", "a"])
        #expect(order(rows, by: .session) == ["a", "b", "c"])
    }

    @Test("no line is wider than the terminal, whatever the width; what calls are sorted by stays")
    func width() {
        let rows = (1...5).map { number in
            call("session-\(number)") {
                $0.identity = String(repeating: "世界", count: number)
                $0.room = String(repeating: "r", count: 40)
                $0.longestDelay = 100_000
            }
        }
        for width in 1...200 {
            let lines = CallTable(sort: .delay).lines(rows, width: width, height: nil)
            #expect(lines.count == 6)
            #expect(lines.allSatisfy { TerminalText.width($0) <= width })
            if width >= 80 { #expect(lines[0].contains("DELAY") && lines[0].contains("ROOM")) }
        }
        let wide = CallTable(sort: .time).lines(rows, width: 250, height: nil)
        #expect(CallColumn.allCases.allSatisfy { wide[0].contains($0.title) })
    }

    @Test("calls that have no room are counted in the last line")
    func height() {
        let rows = (1...50).map { call("s\($0)") }
        let lines = CallTable(sort: .time).lines(rows, width: 100, height: 10)
        #expect(lines.count == 10 && lines.last == "… and 42 more")
        #expect(CallTable(sort: .time).lines(rows, width: 100, height: 51).count == 51)
        #expect(CallTable(sort: .time).lines([], width: 100, height: 10).count == 1)
    }

    @Test("wide characters take two columns and combining ones none; a cut leaves an ellipsis")
    func columns() {
        #expect(TerminalText.width("世a") == 3 && TerminalText.width("e\u{301}") == 1 && TerminalText.width("🙂") == 2)
        #expect(TerminalText.fitted("世界", to: 3) == "世…" && TerminalText.fitted("世界", to: 2) == "… ")
        #expect(
            TerminalText.fitted("ab", to: 4) == "ab  " && TerminalText.fitted("ab", to: 4, isToTheRight: true) == "  ab"
        )
        #expect(TerminalText.fitted("abc", to: 0) == "")
    }
}

@Suite("VoiceGateway top, its command line")
struct TopRequestTests {
    private func request(_ line: String, environment: [String: String], file: String? = nil) throws -> TopRequest {
        guard case .top(let request) = try invoke("top " + line, environment: environment, file: file) else {
            throw UsageError(["not top"])
        }
        return request
    }

    @Test("the key comes from the environment or the gateway's settings file, never from an option")
    func key() throws {
        #expect(mistakes("top").first?.hasPrefix("ADMIN_API_KEY is not set") == true)
        #expect(mistakes("top --admin-api-key k").first == "top has no option --admin-api-key.")
        _ = try request("", environment: ["ADMIN_API_KEY": "operator-key"])
        _ = try request("", environment: [:], file: "ADMIN_API_KEY=operator-key")
    }

    @Test("without a URL the gateway of this machine is asked, where its settings say")
    func address() throws {
        let key = ["ADMIN_API_KEY": "operator-key"]
        #expect(try request("", environment: key).url == .init("http://127.0.0.1:3000"))
        #expect(try request("", environment: key, file: "ADMIN_PORT=9\nTLS_CERT=x").url == .init("https://127.0.0.1:9"))
        #expect(try request("", environment: key, file: "HOST=::\nPORT=8").url == .init("http://[::1]:8"))
        #expect(try request("--url https://gw.test/base", environment: key).url == .init("https://gw.test/base"))
    }

    @Test("each mistake is one sentence")
    func usage() {
        let key = ["ADMIN_API_KEY": "operator-key"]
        #expect(
            mistakes("top --sort speed", environment: key).first?.hasPrefix(
                "--sort is \"speed\", but the columns are session,") == true)
        #expect(
            mistakes("top --interval 0", environment: key) == [
                "--interval is \"0\", but it must be a number of seconds from 0.2 to 3600."
            ])
        #expect(mistakes("top --url gw.test", environment: key).count == 1)
    }
}
