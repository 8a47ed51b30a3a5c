import Testing
import Wire

@Suite struct InflateTests {
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { UInt8(Character(Unicode.Scalar($0)).hexDigitValue ?? 0) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    static let containers: [String: Inflate.Container] = ["raw": .raw, "zlib": .zlib, "gzip": .gzip]
    static let contents: [String: [UInt8]] = [
        "empty": [], "text": Array(InflateVectors.text.utf8), "rnd": InflateVectors.noise,
    ]

    @Test("what zlib compressed comes out again", arguments: InflateVectors.all.indices)
    func vectors(index: Int) throws {
        let vector = InflateVectors.all[index]
        let container = try #require(Self.containers[vector.container])
        let content = try #require(Self.contents[vector.content])
        let output = try Inflate.decompress(Self.bytes(vector.hex), container, maximumOutput: 4096)
        #expect(output == content)
    }

    @Test("every truncation is refused", arguments: InflateVectors.all.indices)
    func truncations(index: Int) throws {
        let vector = InflateVectors.all[index]
        let container = try #require(Self.containers[vector.container])
        let input = Self.bytes(vector.hex)
        for length in input.indices {
            #expect(throws: InflateError.truncated) {
                try Inflate.decompress(Array(input[..<length]), container, maximumOutput: 4096)
            }
        }
    }

    @Test("a changed byte is refused or has no consequence", arguments: ["zlib", "gzip"])
    func mutations(name: String) throws {
        let vector = try #require(InflateVectors.all.first { $0.container == name && $0.content == "text" })
        let container = try #require(Self.containers[name])
        let input = Self.bytes(vector.hex)
        for index in input.indices {
            for flip: UInt8 in [0x01, 0x10, 0x80, 0xFF] {
                var changed = input
                changed[index] ^= flip
                let output = try? Inflate.decompress(changed, container, maximumOutput: 1 << 16)
                // Spare bits before a checksum and gzip's time of change mean nothing.
                let isHarmless = output == nil || output == Self.contents["text"]
                #expect(isHarmless)
            }
        }
    }

    @Test("noise never traps")
    func noise() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let input = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            for container in [Inflate.Container.raw, .zlib, .gzip] {
                _ = try? Inflate.decompress(input, container, maximumOutput: 1 << 12)
            }
        }
    }

    @Test("the output is limited")
    func limit() throws {
        let vector = try #require(InflateVectors.all.first { $0.content == "text" })
        let size = InflateVectors.text.utf8.count
        #expect(throws: InflateError.tooLarge(maximum: size - 1)) {
            try Inflate.decompress(Self.bytes(vector.hex), .raw, maximumOutput: size - 1)
        }
    }

    @Test("what follows the stream is refused")
    func trailing() {
        #expect(throws: InflateError.trailingContent) {
            try Inflate.decompress([0x03, 0x00, 0x00], .raw, maximumOutput: 10)
        }
    }
}
