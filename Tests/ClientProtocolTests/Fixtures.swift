import ClientProtocol
import Foundation

/// Bytes made by other people's programs; see the README beside them.
func fixture(_ path: String, file: String = #filePath) throws -> [UInt8] {
    let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
    return try Array(Data(contentsOf: tests.appendingPathComponent("Fixtures/\(path)")))
}

/// The bytes of 16-bit little-endian samples.
func littleEndian(_ samples: [Int16]) -> [UInt8] {
    samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
}

/// The samples of 16-bit little-endian bytes.
func samples(_ bytes: [UInt8]) -> [Int16] {
    stride(from: 0, to: bytes.count - 1, by: 2).map {
        Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
    }
}

/// A recording of 16-bit mono samples, as events have it.
func recording(_ samples: [Int16], sampleRate: Int) -> WAVFile {
    WAVFile(codec: .pcm16, sampleRate: sampleRate, channels: 1, data: littleEndian(samples)[...])
}
