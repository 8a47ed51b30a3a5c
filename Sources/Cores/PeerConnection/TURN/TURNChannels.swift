internal import Wire

/// The peers of an allocation, each with a channel (RFC 8656, section 12). A binding gives permission as well, so one request
/// comes before the first datagram, and four bytes before each.
struct TURNChannels {
    /// Channels of an allocation.
    static let maximumPeers = 64
    /// Datagrams for a peer that wait until it has its channel; they are checks, which are repeated.
    static let maximumWaiting = 4
    /// A binding lives for 10 minutes and its permission for 5 (RFC 8656, sections 12 and 9).
    static let renewalInterval = Duration.seconds(240)
    /// Bytes before the datagram.
    static let headerLength = 4
    private static let firstNumber: UInt16 = 0x4000

    /// What became of a datagram for a peer.
    enum Outcome: Hashable {
        /// `frame` has it.
        case framed
        /// It waits, or is dropped.
        case held
        /// It waits, and the peer at this index has to be bound.
        case needsBinding(Int)
    }

    private enum State { case binding, bound, refused }

    private struct Peer {
        let address: TransportAddress
        var state = State.binding
        var renewal = Instant.distantFuture
        var waiting: [[UInt8]]
    }

    /// The frame that was made last.
    private(set) var frame: [UInt8] = []
    private var peers: [Peer] = []

    /// When a binding wants to be renewed first.
    var nextRenewal: Instant? { peers.map(\.renewal).min() }

    func address(_ index: Int) -> TransportAddress { peers[index].address }

    /// The number of the peer's channel.
    func number(_ index: Int) -> UInt16 { Self.firstNumber + UInt16(index) }

    /// The index of a peer whose binding is due. It is then under way.
    mutating func takeDue(_ now: Instant) -> Int? {
        guard let index = peers.firstIndex(where: { $0.renewal <= now }) else { return nil }
        peers[index].renewal = .distantFuture
        return index
    }

    /// Frames a datagram for a peer, if it has its channel.
    mutating func wrap(_ datagram: RawSpan, to address: TransportAddress) -> Outcome {
        guard datagram.byteCount <= Int(UInt16.max) else { return .held }
        guard let index = peers.firstIndex(where: { $0.address == address }) else {
            guard peers.count < Self.maximumPeers else { return .held }
            peers.append(Peer(address: address, waiting: [[UInt8](copying: datagram)]))
            return .needsBinding(peers.count - 1)
        }
        switch peers[index].state {
        case .refused: return .held
        case .binding:
            if peers[index].waiting.count < Self.maximumWaiting {
                peers[index].waiting.append([UInt8](copying: datagram))
            }
            return .held
        case .bound:
            fill(datagram, number(index))
            return .framed
        }
    }

    private mutating func fill(_ datagram: RawSpan, _ number: UInt16) {
        frame.removeAll(keepingCapacity: true)
        for value in [number, UInt16(clamping: datagram.byteCount)] {
            frame.append(UInt8(truncatingIfNeeded: value >> 8))
            frame.append(UInt8(truncatingIfNeeded: value))
        }
        frame.append(copying: datagram)
    }

    /// The server has bound a peer: returns frames of what has waited for it.
    mutating func bound(_ index: Int, now: Instant) -> [[UInt8]] {
        peers[index].state = .bound
        peers[index].renewal = now + Self.renewalInterval
        let waiting = peers[index].waiting
        peers[index].waiting = []
        return waiting.map { datagram in
            fill(datagram.span.bytes, number(index))
            return frame
        }
    }

    /// The server does not relay to a peer.
    mutating func refused(_ index: Int) {
        peers[index].state = .refused
        peers[index].waiting = []
    }

    /// Where the datagram in a frame of the server lies, and whose it is; nil for frames of no channel.
    func unwrap(_ frame: RawSpan) -> (range: Range<Int>, peer: TransportAddress)? {
        guard frame.byteCount >= Self.headerLength else { return nil }
        let index = (Int(frame[0]) << 8 | Int(frame[1])) - Int(Self.firstNumber)
        let length = Int(frame[2]) << 8 | Int(frame[3])
        // There may be padding behind it.
        guard peers.indices.contains(index), length <= frame.byteCount - Self.headerLength else { return nil }
        return (Self.headerLength..<Self.headerLength + length, peers[index].address)
    }

    /// Forgets all of them.
    mutating func removeAll() { peers = [] }
}
