import EventLoops
import NetworkTestSupport
import PeerConnection
import SecureTransport
import Signalling
import TestSupport
import Testing
import Wire

@testable import LiveKitParticipant

@Suite("End-to-end encryption") struct RoomEncryptionTests {
    private static let frame: [UInt8] = [0x78, 1, 2, 3, 4, 5]

    /// A participant whose keys are ready, and what becomes of its frames. On the loop, all of it.
    private final class Side: @unchecked Sendable {
        let encryption: RoomEncryption
        private(set) var failures = 0
        private(set) var news: [RoomEncryption.News] = []

        /// - Parameter keys: each random, so that none is slow.
        init(_ keys: [(byte: UInt8, index: UInt8)], seed: UInt64, _ loop: EventLoop) throws {
            final class Count { var value = 0 }
            let count = Count()
            let chains = keys.map {
                KeyChain(RoomKey(.random([UInt8](repeating: $0.byte, count: 32)), index: $0.index), loop: loop)
            }
            encryption = try #require(RoomEncryption(chains, random: SplitMix64(seed: seed)) { count.value += 1 })
            self.count = { count.value }
            encryption.onNews = { [unowned self] in news.append($0) }
        }

        private let count: () -> Int
        var failureCount: Int { count() }

        func open(_ frame: [UInt8], isGuess: Bool = false) -> [UInt8]? {
            encryption.opener(of: "agent").open(frame.span.bytes, isGuess: isGuess)
        }

        func seal(_ frame: [UInt8]) -> [UInt8]? { encryption.seal(frame.span.bytes) }
    }

    private static func ready(
        _ keys: [(byte: UInt8, index: UInt8)], seed: UInt64 = 1, _ loop: EventLoop
    ) async throws -> Side {
        let side = try await loop.run { try Side(keys, seed: seed, loop) }
        await withCheckedContinuation { ready in
            loop.execute { side.encryption.prepare { _ in ready.resume() } }
        }
        return side
    }

    @Test("a frame is opened by who has the key, and never looks the same twice")
    func frames() async throws {
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0)], loop)
            let agent = try await Self.ready([(1, 0)], seed: 2, loop)
            await loop.run {
                let sealed = caller.seal(Self.frame) ?? []
                #expect(sealed.count == Self.frame.count + SealedFrame.overhead && sealed.first == 0x78)
                #expect(agent.open(sealed) == Self.frame)
                #expect(caller.seal(Self.frame) != sealed)
                #expect(agent.failureCount == 0)
            }
        }
    }

    @Test("frames name their key, and the last that is listed is sent with")
    func indices() async throws {
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0), (2, 5)], loop)
            let old = try await Self.ready([(1, 0)], seed: 2, loop)
            let new = try await Self.ready([(2, 5)], seed: 3, loop)
            await loop.run {
                let sealed = caller.seal(Self.frame) ?? []
                #expect(sealed.last == 5 && new.open(sealed) == Self.frame && old.open(sealed) == nil)
                #expect(caller.open(old.seal(Self.frame) ?? []) == Self.frame)
            }
        }
    }

    @Test("frames of another key are counted, told once, and heard when the key is right after all")
    func wrongKey() async throws {
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0)], loop)
            let wrong = try await Self.ready([(9, 0)], seed: 2, loop)
            let right = try await Self.ready([(1, 0)], seed: 3, loop)
            await loop.run {
                for _ in 0..<SenderKeys.patience - 1 { #expect(caller.open(wrong.seal(Self.frame) ?? []) == nil) }
                #expect(caller.open(wrong.seal(Self.frame) ?? [], isGuess: true) == nil)
                #expect(caller.news.isEmpty)
                for _ in 0..<SenderKeys.patience { #expect(caller.open(wrong.seal(Self.frame) ?? []) == nil) }
                #expect(caller.news == [.unreadable("agent")] && caller.failureCount == 2 * SenderKeys.patience - 1)
                #expect(caller.open(right.seal(Self.frame) ?? []) == Self.frame)
                #expect(caller.news == [.unreadable("agent"), .readable("agent")])
            }
        }
    }

    @Test("turns of the ratchet are followed, several at a time")
    func ratchet() async throws {
        let turned = try Self.turned([UInt8](repeating: 1, count: 32), 3)
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0)], loop)
            let sealed = try Self.sealed(Self.frame, key: turned)
            let isLost = await loop.run { caller.open(sealed) == nil }
            #expect(isLost, "the keys after the first are derived when somebody needs them")
            await withCheckedContinuation { ready in
                loop.execute { caller.encryption.prepare(0, turns: KeyChain.window) { ready.resume() } }
            }
            await loop.run { #expect(caller.open(sealed) == Self.frame) }
        }
    }

    /// The encryption key after so many turns.
    private static func turned(_ material: [UInt8], _ turns: Int) throws -> [UInt8] {
        let salt = Array("LKFrameEncryptionKey".utf8)
        let info = [UInt8](repeating: 0, count: 128)
        var material = material
        for _ in 0..<turns { material = KeyDerivation.hkdf(material, salt: salt, info: info, count: 32) }
        return KeyDerivation.hkdf(material, salt: salt, info: info, count: 16)
    }

    private static func sealed(_ frame: [UInt8], key: [UInt8]) throws -> [UInt8] {
        let cipher = try #require(FrameCipher(key: key))
        var bytes = frame + [UInt8](repeating: 0, count: 16) + [UInt8](repeating: 6, count: 12) + [12, 0]
        #expect(cipher.seal(&bytes, header: 1, length: frame.count, nonce: frame.count + 16))
        return bytes
    }

    @Test("of what is in clear, only silence with the server's trailer is taken")
    func injected() async throws {
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0)], loop)
            await loop.run {
                let silence: [UInt8] = [0xF8, 0xFF, 0xFE, 0, 0, 0]
                let trailer: [UInt8] = [9, 8, 7]
                #expect(caller.open(silence + trailer) == nil)
                caller.encryption.serverTrailer = trailer
                #expect(caller.open(silence + trailer) == [0xF8, 0xFF, 0xFE])
                #expect(caller.open([0xF8, 0xFF, 0xFE, 1] + trailer) == nil)
                #expect(caller.open(Self.frame + trailer) == nil)
                #expect(caller.open([]) == [])
            }
        }
    }

    @Test("data is sealed but for tones, and opened again by who has the key")
    func data() async throws {
        try await withLoop { loop in
            let caller = try await Self.ready([(1, 0)], loop)
            let agent = try await Self.ready([(1, 0)], seed: 2, loop)
            let stranger = try await Self.ready([(2, 0)], seed: 3, loop)
            await loop.run {
                let packet = DataPacket.with {
                    $0.value = .user(.with { $0.payload = [1, 2, 3] })
                    $0.destinationIdentities = ["agent"]
                }
                let sealed = caller.encryption.seal(packet)
                guard case .encryptedPacket(let content)? = sealed?.value else {
                    Issue.record("it is not sealed")
                    return
                }
                #expect(sealed?.destinationIdentities == ["agent"] && content.encryptionType == .gcm)
                #expect(agent.encryption.open(content, from: "caller") == packet.value)
                #expect(stranger.encryption.open(content, from: "caller") == nil && stranger.failureCount == 1)
                let tone = DataPacket.with { $0.value = .sipDtmf(.with { $0.code = 1 }) }
                #expect(caller.encryption.seal(tone) == tone)
                var short = content
                short.encryptedValue = Array(content.encryptedValue.prefix(15))
                #expect(agent.encryption.open(short, from: "caller") == nil)
            }
        }
    }
}
