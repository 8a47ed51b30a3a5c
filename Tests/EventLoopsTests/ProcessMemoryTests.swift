import Foundation
import Testing

@testable import EventLoops

/// Blocks that are too small for pages of their own, every second one of which is freed.
@Suite("Memory of the process")
struct ProcessMemoryTests {
    private static let blockBytes = 20_000
    private static let blocks = 2000

    /// Resident memory in bytes.
    private static func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * 4096
    }

    @Test("pages between blocks in use go back to the system")
    func holes() throws {
        // SAFETY: the memory is used during the call only.
        var kept: [UnsafeMutableRawBufferPointer] = unsafe []
        var freed: [UnsafeMutableRawBufferPointer] = unsafe []
        for number in 0..<Self.blocks {
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 16)
            unsafe block.initializeMemory(as: UInt8.self, repeating: 1)
            if number.isMultiple(of: 2) { unsafe kept.append(block) } else { unsafe freed.append(block) }
        }
        unsafe freed.forEach { unsafe $0.deallocate() }
        let before = try Self.resident()
        ProcessMemory.returnFree()
        // Other tests run meanwhile, so half of what must go will do.
        #expect(try before - Self.resident() > Self.blocks / 2 * (Self.blockBytes - 4096) / 2)
        unsafe kept.forEach { unsafe $0.deallocate() }
    }

    @Test("what is freed is counted")
    func count() {
        // SAFETY: the memory is used during the call only.
        let blocks = unsafe (0..<100).map { _ in
            UnsafeMutableRawBufferPointer.allocate(byteCount: 20_000, alignment: 16)
        }
        unsafe blocks.forEach { unsafe $0.deallocate() }
        #expect(ProcessMemory.freeBytes > 0)
    }
}
