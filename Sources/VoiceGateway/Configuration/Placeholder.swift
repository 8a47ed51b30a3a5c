/// Knows what documents and templates write in the place of a key. Who forgets to replace it gets a sentence at the start, in
/// place of a room server that refuses every call, or of a key that everybody can read in a document.
enum Placeholder {
    private static let words: Set<String> = [
        "changeme", "replaceme", "placeholder", "todo", "tbd", "apikey", "apisecret", "livekitapikey",
        "livekitapisecret", "keyhere", "secrethere", "yourkey", "yoursecret", "yourapikey", "yourapisecret", "mysecret",
    ]

    static func isOne(_ text: String) -> Bool {
        if text.contains("…") || text.hasSuffix("...") { return true }
        // What a template leaves: <key>, ${KEY}, {{ key }}.
        for (start, end) in [("<", ">"), ("${", "}"), ("$(", ")"), ("{{", "}}")]
        where text.hasPrefix(start) && text.hasSuffix(end) { return true }
        let letters = text.lowercased().filter { $0.isLetter || $0.isNumber }
        if letters.isEmpty { return true }
        return words.contains(letters) || letters.hasPrefix("your") && text.contains { $0 == "-" || $0 == "_" }
            || letters.utf8.count >= 3 && letters.allSatisfy { $0 == "x" }
    }
}
