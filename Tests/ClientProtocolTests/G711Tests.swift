import Testing

@testable import ClientProtocol

@Suite("G.711")
struct G711Tests {
    private let ramp = stride(from: -32768, to: 32768, by: 7).map { Int16($0) }

    @Test("every µ-law byte decodes to what another implementation makes of it")
    func mulawDecoding() throws {
        let expected = samples(try fixture("G711/mulaw-decoded.s16le"))
        #expect((0...255).map { G711.decodeMulaw(UInt8($0)) } == expected)
    }

    @Test("every A-law byte decodes to what another implementation makes of it")
    func alawDecoding() throws {
        let expected = samples(try fixture("G711/alaw-decoded.s16le"))
        #expect((0...255).map { G711.decodeAlaw(UInt8($0)) } == expected)
    }

    @Test("samples over the whole range encode to another implementation's µ-law bytes")
    func mulawEncoding() throws {
        #expect(ramp.map(G711.encodeMulaw) == (try fixture("G711/ramp.mulaw")))
    }

    @Test("samples over the whole range encode to another implementation's A-law bytes")
    func alawEncoding() throws {
        #expect(ramp.map(G711.encodeAlaw) == (try fixture("G711/ramp.alaw")))
    }

    @Test("no sample of 16 bits traps")
    func wholeRange() {
        for sample in Int16.min...Int16.max {
            _ = G711.encodeMulaw(sample)
            _ = G711.encodeAlaw(sample)
        }
    }
}
