package import EventLoops

/// The encryption keys that come of one `RoomKey`: the first, and those after it, one for each time that somebody turns the
/// ratchet. They are derived off the loop, and kept. Belongs to one loop.
package final class KeyChain {
    /// How many turns of the ratchet a receiver is ahead, as in LiveKit's SDKs.
    static let window = 16
    /// Turns that are followed. Each is somebody's deliberate act.
    static let maximumKeys = 256

    let index: UInt8
    /// Each of 16 bytes, the first first.
    private(set) var keys: [[UInt8]] = []
    private let key: RoomKey
    private let loop: EventLoop
    /// What the key after the last is derived from.
    private var material: [UInt8]
    /// Whether keys are being derived.
    private var isBusy = false
    private var waiting: [(count: Int, completion: (Bool) -> Void)] = []

    package init(_ key: RoomKey, loop: EventLoop) {
        self.key = key
        self.loop = loop
        index = key.index
        material = key.material
    }

    /// Derives so many keys.
    /// - Parameter completion: called once, at once when they are there already; with false when memory ran out.
    func prepare(_ count: Int, completion: @escaping (Bool) -> Void) {
        let count = min(count, Self.maximumKeys)
        guard keys.count < count else { return completion(true) }
        waiting.append((count, completion))
        derive()
    }

    private func derive() {
        guard !isBusy, let count = waiting.map(\.count).max(), keys.count < count else { return }
        isBusy = true
        let (key, material, isFirst) = (key, material, keys.isEmpty)
        let owner = LoopBound(self, on: loop)
        let loop = loop
        Task.detached(priority: .utility) {
            let next = isFirst ? material : key.ratcheted(material)
            let made = next.flatMap { next in key.encryptionKey(of: next).map { (next, $0) } }
            loop.execute { owner.value.finish(made) }
        }
    }

    private func finish(_ made: (material: [UInt8], key: [UInt8])?) {
        isBusy = false
        if let made {
            material = made.material
            keys.append(made.key)
        }
        let ready = waiting.filter { made == nil || keys.count >= $0.count }
        waiting.removeAll { made == nil || keys.count >= $0.count }
        for waiter in ready { waiter.completion(made != nil) }
        derive()
    }
}
