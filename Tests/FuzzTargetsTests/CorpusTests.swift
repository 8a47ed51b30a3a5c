import FuzzTargets
import Glibc
import Testing

@Suite("Corpus of the fuzzers")
struct CorpusTests {
    private static let fuzz = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Fuzz"

    /// The files of a folder; empty when there is none.
    private func files(_ folder: String) -> [String] {
        // SAFETY: the memory is used during the call only.
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append("\(folder)/\(name)") }
        }
        return names.sorted()
    }

    private func content(_ path: String) throws -> [UInt8] {
        // SAFETY: the memory is used during the call only.
        let file = try unsafe #require(fopen(path, "rb"))
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    @Test("every input of the corpus, and every one that was a crash once, passes", arguments: FuzzTarget.allCases)
    func replays(target: FuzzTarget) throws {
        let corpus = files("\(Self.fuzz)/Corpus/\(target.rawValue)")
        #expect(!corpus.isEmpty)
        for path in corpus + files("\(Self.fuzz)/Regressions/\(target.rawValue)") { target.run(try content(path)) }
    }

    @Test("every prefix of a short input of the corpus passes", arguments: FuzzTarget.allCases)
    func truncations(target: FuzzTarget) throws {
        for path in files("\(Self.fuzz)/Corpus/\(target.rawValue)") {
            let input = try content(path)
            guard input.count <= 200 else { continue }
            for count in 0..<input.count { target.run(Array(input.prefix(count))) }
        }
    }
}
