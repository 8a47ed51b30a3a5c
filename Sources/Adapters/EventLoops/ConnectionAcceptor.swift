internal import CLibUV
internal import Glibc

/// Takes connections for all listeners of the process, and keeps the last descriptors for those who are there.
///
/// A process without a descriptor can take a connection, in order to refuse it, with one that it kept back: the spare is
/// closed, the connection taken and refused, the spare opened again. Two loops must not do that at once, or one takes a
/// newcomer with the spare of the other, whose newcomers then wait for nothing; hence one acceptor and one lock.
package final class ConnectionAcceptor: Sendable {
    package static let shared = ConnectionAcceptor()

    /// How many of the last descriptors are not for newcomers; of a process with few, an eighth.
    package static let reservedDescriptors = 32
    /// Another part of the process may take a descriptor in the moment in which a spare is closed, so one is not enough.
    private static let spares = 4

    enum Outcome {
        /// A descriptor that does not block; whoever gets it closes it.
        case accepted(Int32)
        case refused
        /// Nobody waits.
        case nobody
        /// That connection is gone, the next may be there.
        case gone
        /// The system gives none at present.
        case exhausted
    }

    private let descriptors: Locked<[Int32]>
    /// Descriptors from this number on are the last ones: the kernel gives the lowest that is free.
    private let firstReserved: Int32

    private init() {
        var spares: [Int32] = []
        Self.complete(&spares)
        descriptors = Locked(spares)
        firstReserved = Self.firstReserved()
    }

    /// Takes the next connection of a listening socket, or refuses it with `words` when descriptors run out.
    func accept(from listener: Int32, refusingWith words: [UInt8]) -> Outcome {
        descriptors.withLock { spares in
            // Those that were lost are regained before anybody new is taken.
            Self.complete(&spares)
            let accepted = gateway_accept(listener)
            if accepted >= firstReserved {
                TCPListener.refuse(accepted, words)
                return .refused
            }
            if accepted >= 0 { return .accepted(accepted) }
            switch errno {
            case EAGAIN: return .nobody
            case EINTR, ECONNABORTED, EPROTO: return .gone
            case EMFILE, ENFILE: return Self.refuse(from: listener, words, &spares)
            default: return .exhausted
            }
        }
    }

    private static func refuse(from listener: Int32, _ words: [UInt8], _ spares: inout [Int32]) -> Outcome {
        guard let given = spares.popLast() else { return .exhausted }
        _ = Glibc.close(given)
        let accepted = gateway_accept(listener)
        let code = errno
        if accepted >= 0 { TCPListener.refuse(accepted, words) }
        complete(&spares)
        if accepted >= 0 { return .refused }
        return code == EAGAIN ? .nobody : .exhausted
    }

    /// Opens the spares that are missing, as far as there are descriptors.
    private static func complete(_ spares: inout [Int32]) {
        while spares.count < Self.spares {
            // SAFETY: a constant path.
            let spare = unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard spare >= 0 else { return }
            spares.append(spare)
        }
    }

    private static func firstReserved() -> Int32 {
        var limit = rlimit()
        // SAFETY: the structure is ours.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        let most = Int32(clamping: limit.rlim_cur)
        return most - min(Int32(reservedDescriptors), most / 8)
    }
}
