internal import ClientProtocol
internal import HTTP
internal import Observability
internal import Wire

/// How the text of a setting becomes a value, and what is allowed.
package struct SettingKind<Value: Sendable>: Sendable {
    /// What stands for a value in the help.
    let placeholder: String
    /// Continues "it must be".
    let allowed: String
    let parse: @Sendable (String) -> Result<Value, InvalidSetting>
    /// The text of a value, for showing the default.
    let show: @Sendable (Value) -> String

    /// - Parameter isList: there may be white space around the entries.
    init(
        _ placeholder: String, _ allowed: String, isList: Bool = false,
        show: @escaping @Sendable (Value) -> String = { "\($0)" },
        parse: @escaping @Sendable (String) throws(InvalidSetting) -> Value
    ) {
        self.placeholder = placeholder
        self.allowed = allowed
        self.show = show
        self.parse = { text in
            if let unwanted = UnwantedCharacter(in: text, isList: isList) {
                return .failure(InvalidSetting("\(unwanted)"))
            }
            do throws(InvalidSetting) { return .success(try parse(text)) } catch { return .failure(error) }
        }
    }
}

// MARK: Numbers and choices

extension SettingKind where Value == UInt16 {
    static var port: SettingKind {
        SettingKind("PORT", "a port from 1 to 65535 (0 lets the system choose)") { text throws(InvalidSetting) in
            guard text.utf8.allSatisfy(isDigit), let port = UInt16(text) else { throw InvalidSetting() }
            return port
        }
    }
}

extension SettingKind where Value == Int {
    /// A whole number.
    ///
    /// - Parameter placeholder: the unit where there is one.
    static func number(_ range: ClosedRange<Int>, _ placeholder: String = "NUMBER") -> SettingKind {
        SettingKind(placeholder, "a number from \(range.lowerBound) to \(range.upperBound)") {
            text throws(InvalidSetting) in
            guard text.utf8.allSatisfy(isDigit), let number = Int(text), range.contains(number) else {
                throw InvalidSetting()
            }
            return number
        }
    }
}

extension SettingKind where Value == Double {
    static func decimal(_ range: ClosedRange<Double>) -> SettingKind {
        SettingKind("FACTOR", "a number from \(range.lowerBound) to \(range.upperBound)") {
            text throws(InvalidSetting) in
            let isPlain = text.utf8.allSatisfy { isDigit($0) || $0 == 0x2E }
            guard isPlain, let number = Double(text), range.contains(number) else { throw InvalidSetting() }
            return number
        }
    }
}

extension SettingKind where Value == Bool {
    static var boolean: SettingKind {
        SettingKind("true|false", "true or false") { text throws(InvalidSetting) in
            switch text.lowercased() {
            case "true", "yes", "on", "1": return true
            case "false", "no", "off", "0": return false
            default: throw InvalidSetting()
            }
        }
    }
}

extension SettingKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of a few words.
    static var choice: SettingKind {
        let words = Value.allCases.map(\.rawValue)
        return SettingKind(
            words.joined(separator: "|"),
            "\(words.dropLast().joined(separator: ", ")) or \(words.last ?? "")", show: { $0.rawValue }
        ) { text throws(InvalidSetting) in
            guard let value = Value(rawValue: text.lowercased()) else { throw InvalidSetting() }
            return value
        }
    }
}

// MARK: Texts

extension SettingKind where Value == String {
    /// Text without control characters.
    ///
    /// - Parameter limit: characters at most.
    static func text(_ placeholder: String, upTo limit: Int) -> SettingKind {
        SettingKind(placeholder, "a text of 1 to \(limit) characters") { text throws(InvalidSetting) in
            guard (1...limit).contains(text.count), !text.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
                throw InvalidSetting()
            }
            return text
        }
    }

    /// A key or a secret, and not what stands for one in documents.
    static func key(_ placeholder: String, upTo limit: Int) -> SettingKind {
        let text = text(placeholder, upTo: limit)
        return SettingKind(placeholder, text.allowed) { key throws(InvalidSetting) in
            let key = try text.parse(key).get()
            if Placeholder.isOne(key) { throw InvalidSetting.placeholder("it") }
            return key
        }
    }

    /// A text that another program limits by its bytes.
    static func shortText(_ placeholder: String, upTo limit: Int) -> SettingKind {
        SettingKind(placeholder, "a text of 1 to \(limit) bytes") { text throws(InvalidSetting) in
            guard (1...limit).contains(text.utf8.count), !text.unicodeScalars.contains(where: { $0.value < 0x20 })
            else { throw InvalidSetting("it has \(text.utf8.count) bytes, allowed are 1 to \(limit)") }
            return text
        }
    }

    /// The path of a file that is there.
    static var file: SettingKind {
        SettingKind("FILE", "a file that can be read") { text throws(InvalidSetting) in
            guard !text.isEmpty else { throw InvalidSetting() }
            return text
        }
    }

    /// The name of a header field (RFC 9110 section 5.1).
    static var headerName: SettingKind {
        SettingKind("NAME", "the name of an HTTP header, of letters, digits and dashes") {
            text throws(InvalidSetting) in
            guard (1...64).contains(text.utf8.count),
                text.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F })
            else { throw InvalidSetting() }
            return text
        }
    }
}

extension SettingKind where Value == HTTPURL {
    static var url: SettingKind {
        SettingKind(
            "URL", "a URL that begins with ws://, wss://, http:// or https://", show: { $0.webSocketText }
        ) { text throws(InvalidSetting) in
            do throws(HTTPURL.Failure) { return try HTTPURL(base: text) } catch { throw InvalidSetting("\(error)") }
        }
    }
}

extension SettingKind where Value == HTTPURL {
    /// Without WebSockets.
    static var httpURL: SettingKind {
        SettingKind("URL", "a URL that begins with http:// or https://") { text throws(InvalidSetting) in
            guard ["http://", "https://"].contains(where: text.lowercased().hasPrefix) else { throw InvalidSetting() }
            do throws(HTTPURL.Failure) { return try HTTPURL(base: text) } catch { throw InvalidSetting("\(error)") }
        }
    }
}

extension SettingKind where Value == HTTPProxy {
    /// A password may stand in it, so it is never shown.
    static var proxy: SettingKind {
        SettingKind("URL", "a URL such as http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128")
        {
            text throws(InvalidSetting) in
            guard let proxy = HTTPProxy(url: text) else { throw InvalidSetting() }
            return proxy
        }
    }
}

extension SettingKind where Value == ProxyExceptions {
    static var proxyExceptions: SettingKind {
        SettingKind(
            "HOSTS", "names, addresses and networks separated by commas, or *", isList: true,
            show: { $0.description.isEmpty ? "none" : $0.description }
        ) { text throws(InvalidSetting) in
            guard (1...8192).contains(text.utf8.count) else { throw InvalidSetting() }
            return ProxyExceptions(text)
        }
    }
}

extension SettingKind where Value == IPAddress {
    static var address: SettingKind {
        SettingKind("ADDRESS", "an IP address such as 0.0.0.0, 127.0.0.1 or ::") { text throws(InvalidSetting) in
            if text == "localhost" { return .loopbackV4 }
            guard let address = IPAddress(text) else { throw InvalidSetting() }
            return address
        }
    }
}

// MARK: Lists

extension SettingKind where Value == [String] {
    /// API keys; their texts are in no message.
    static var apiKeys: SettingKind {
        SettingKind(
            "KEYS", "keys of 1 to \(APIKeys.maximumSize) visible ASCII characters, separated by commas", isList: true
        ) { text throws(InvalidSetting) in
            let keys = entries(of: text)
            for (index, key) in keys.enumerated() {
                let place = "entry \(index + 1) of \(keys.count)"
                if key.isEmpty { throw InvalidSetting("\(place) is empty") }
                if !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                    throw InvalidSetting("\(place) has white space or characters beyond ASCII inside")
                }
                if !APIKeys.isValid(key) {
                    throw InvalidSetting("\(place) is longer than \(APIKeys.maximumSize) characters")
                }
                if Placeholder.isOne(key) { throw InvalidSetting.placeholder(place) }
                if let first = keys.firstIndex(of: key), first < index {
                    throw InvalidSetting("\(place) is the same as entry \(first + 1)")
                }
            }
            return keys
        }
    }
}

extension SettingKind where Value == [String: String] {
    /// Attributes of participants.
    static var attributes: SettingKind {
        SettingKind(
            "NAME=TEXT,…", "pairs such as site=berlin,tier=gold, " + ParticipantAttributes.allowed, isList: true,
            show: { pairs in pairs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }
        ) { text throws(InvalidSetting) in
            var attributes: [String: String] = [:]
            for (index, entry) in entries(of: text).enumerated() {
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2 else { throw InvalidSetting("entry \(index + 1) has no = in it") }
                guard attributes.updateValue(parts[1], forKey: parts[0]) == nil else {
                    throw InvalidSetting("\"\(parts[0])\" is there twice")
                }
            }
            guard ParticipantAttributes.mayBeChosen(attributes) else { throw InvalidSetting() }
            return attributes
        }
    }
}

extension SettingKind where Value == [HTTPURL] {
    /// Where events are sent. The paths of such URLs are as good as keys, so they are in no message.
    static var receivers: SettingKind {
        SettingKind(
            "URLS",
            "up to \(WebhookSettings.maximumReceivers) URLs that begin with http:// or https://, separated by commas",
            isList: true
        ) { text throws(InvalidSetting) in
            let texts = entries(of: text)
            guard texts.count <= WebhookSettings.maximumReceivers else {
                throw InvalidSetting("there are \(texts.count), allowed are \(WebhookSettings.maximumReceivers)")
            }
            var urls: [HTTPURL] = []
            for (index, text) in texts.enumerated() {
                let place = "entry \(index + 1) of \(texts.count)"
                guard ["http://", "https://"].contains(where: text.lowercased().hasPrefix) else {
                    throw InvalidSetting("\(place) does not begin with http:// or https://")
                }
                let url: HTTPURL
                do throws(HTTPURL.Failure) { url = try HTTPURL(text) } catch {
                    throw InvalidSetting("\(place) cannot be used: \(error)")
                }
                if urls.contains(url) { throw InvalidSetting("\(place) is there twice") }
                urls.append(url)
            }
            return urls
        }
    }
}

extension SettingKind where Value == AllowedAgents {
    static var agents: SettingKind {
        SettingKind(
            "NAMES",
            "* for any, or names of agents separated by commas; \"none\" among them allows rooms without an agent",
            isList: true, show: { $0.description }
        ) { text throws(InvalidSetting) in
            let names = entries(of: text)
            if names == ["*"] { return .any }
            if names.contains("*") { throw InvalidSetting("* stands alone, without other names") }
            if names.contains("") { throw InvalidSetting("there is an empty name in it") }
            let allowsNone = names.contains(AllowedAgents.noneWord)
            return .only(Set(names).subtracting([AllowedAgents.noneWord]), orNone: allowsNone)
        }
    }
}

extension SettingKind where Value == OriginAllowList {
    static var origins: SettingKind {
        SettingKind(
            "ORIGINS",
            "* for all, or origins such as https://app.example.com, https://*.example.com, http://localhost:* or file://",
            isList: true, show: { $0.allowsAll ? "*" : "" }
        ) { text throws(InvalidSetting) in
            do throws(OriginAllowList.InvalidEntry) { return try OriginAllowList(setting: text) } catch {
                throw InvalidSetting("\(error)")
            }
        }
    }
}

extension SettingKind where Value == IPNetworkList {
    static var networks: SettingKind {
        SettingKind(
            "NETWORKS", "addresses and networks such as 10.0.0.0/8 or ::1, separated by commas",
            isList: true, show: { $0.networks.isEmpty ? "none" : "\($0)" }
        ) { text throws(InvalidSetting) in
            var networks: [IPNetwork] = []
            for entry in entries(of: text) where !entry.isEmpty {
                guard let network = IPNetwork(entry) else {
                    throw InvalidSetting("\"\(entry)\" is neither an address nor a network such as 10.0.0.0/8")
                }
                networks.append(network)
            }
            return IPNetworkList(networks)
        }
    }
}

extension InvalidSetting {
    static func placeholder(_ what: String) -> InvalidSetting {
        InvalidSetting("\(what) is a placeholder, as documents have it; write the real one")
    }
}

// MARK: Characters

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

/// What stands between commas, without the white space around it.
private func entries(of text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed(.whiteSpace)) }
}
