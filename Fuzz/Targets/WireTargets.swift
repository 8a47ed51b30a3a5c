internal import Wire

/// The encodings that everything else stands on.
enum WireTargets {
    static func json(_ input: [UInt8]) {
        guard let value = try? JSONValue(parsing: input) else { return }
        let written = value.serializedBytes()
        guard let again = try? JSONValue(parsing: written, maximumSize: .max) else {
            fatalError("JSON that was written cannot be read: \(String(decoding: written, as: UTF8.self))")
        }
        check(again.serializedBytes() == written, "JSON changes each time it is written")
        check(value == again, "JSON changes when it is written")
    }

    static func base64(_ input: [UInt8]) {
        var split = Base64Decoder()
        for byte in input { split.append([byte].span.bytes) }
        let whole = Result { () throws(Base64Error) in try Base64.decodeTolerantly(utf8: input) }
        let pieces = Result { () throws(Base64Error) in try split.finish() }
        check(whole == pieces, "base64 in pieces is judged unlike the whole")
        for alphabet in [Base64.Alphabet.standard, .urlSafe, .urlSafeUnpadded] {
            check(Base64.decode(Base64.encode(input, alphabet), alphabet) == input, "bytes change in base64")
            guard let bytes = Base64.decode(utf8: input, alphabet) else { continue }
            check(Array(Base64.encode(bytes, alphabet).utf8) == input, "two texts stand for the same bytes")
        }
    }

    static func traceparent(_ input: [UInt8]) {
        guard let trace = TraceContext(parsing: String(decoding: input, as: UTF8.self)) else { return }
        check(trace.traceID.count == 16 && trace.spanID.count == 8, "an identifier has another length")
        check(trace.traceID.contains { $0 != 0 } && trace.spanID.contains { $0 != 0 }, "nobody's trace was taken")
        check(TraceContext(parsing: trace.text) == trace, "a trace changes when it is written")
    }

    /// The input is the name of a file, up to the first zero, and what stands in the file. A digest stands in for SHA-256 that
    /// libFuzzer cannot guess either; where it was written out it is put right.
    static func spoolRecord(_ input: [UInt8]) {
        let end = input.firstIndex(of: 0) ?? input.endIndex
        let name = String(decoding: input[..<end], as: UTF8.self)
        if let number = SpoolRecord.number(in: name) {
            check(SpoolRecord.name(of: number) == name, "two names stand for the same number")
        }
        let content = Array(input.dropFirst(end + 1))
        let digest: SpoolRecord.Digest = { text in
            let sum = text.reduce(into: UInt64(14_695_981_039_346_656_037)) {
                $0 = ($0 ^ UInt64($1)) &* 1_099_511_628_211
            }
            return (0..<32).map { UInt8(truncatingIfNeeded: sum >> UInt64($0 % 8 * 8)) }
        }
        _ = SpoolRecord(parsing: content, digest: digest)
        guard let line = content.firstIndex(of: UInt8(ascii: "\n")) else { return }
        let sum = Hexadecimal.text(digest(Array(content[(line + 1)...]))).utf8
        let whole = content[..<line].prefix { $0 != UInt8(ascii: "#") } + sum + content[line...]
        guard let record = SpoolRecord(parsing: Array(whole), digest: digest) else { return }
        check(SpoolRecord.moments.contains(record.createdAt), "an event happened when nothing can have")
        check(
            SpoolRecord(parsing: record.serialized(digest: digest), digest: digest) == record,
            "an event changes when it is written")
    }

    static func inflate(_ input: [UInt8]) {
        for container in [Inflate.Container.raw, .zlib, .gzip] {
            guard let output = try? Inflate.decompress(input, container, maximumOutput: 100_000) else { continue }
            check(output.count <= 100_000, "more came out than was allowed")
        }
    }
}
