internal import CLibUV
internal import Glibc
internal import Wire

/// An IP address and port in the kernel's layout, either family in the room of the larger one.
struct SocketAddress {
    private var storage = sockaddr_in6()

    init(_ address: TransportAddress) {
        // SAFETY: the offsets are those of sockaddr_in and sockaddr_in6, both no larger than the storage.
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            unsafe bytes.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: UInt16.self)
            switch address.ip {
            case .v4(let bits):
                unsafe bytes.storeBytes(of: sa_family_t(AF_INET), toByteOffset: 0, as: sa_family_t.self)
                unsafe bytes.storeBytes(of: bits.bigEndian, toByteOffset: 4, as: UInt32.self)
            case .v6(let high, let low):
                unsafe bytes.storeBytes(of: sa_family_t(AF_INET6), toByteOffset: 0, as: sa_family_t.self)
                unsafe bytes.storeBytes(of: high.bigEndian, toByteOffset: 8, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt64.self)
            }
        }
    }

    /// The address as an IPv6 socket wants it: IPv4 becomes ::ffff:a.b.c.d.
    init(mapping address: TransportAddress) {
        if case .v4(let bits) = address.ip {
            self.init(TransportAddress(ip: .v6(0, 0xFFFF_0000_0000 | UInt64(bits)), port: address.port))
        } else {
            self.init(address)
        }
    }

    /// How many bytes of the storage the kernel shall look at.
    var length: socklen_t {
        socklen_t(
            storage.sin6_family == sa_family_t(AF_INET)
                ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        // SAFETY: the storage is large enough for either family; the offsets are those of sockaddr_in and sockaddr_in6.
        unsafe withUnsafePointer(to: storage) { pointer in
            // SAFETY: every sockaddr begins with the family that says how long it is.
            unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
        }
    }
}

extension TransportAddress {
    /// Reads the kernel's layout; nil for a family other than IPv4 and IPv6. IPv4-mapped addresses become IPv4.
    init?(_ address: UnsafePointer<sockaddr>) {
        // SAFETY: the storage is large enough for either family; the offsets are those of sockaddr_in and sockaddr_in6.
        let bytes = unsafe UnsafeRawPointer(address)
        // SAFETY: the family says which of the two layouts lies behind the pointer.
        let port = unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let bits = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            self.init(ip: .v4(bits), port: port)
        case AF_INET6:
            let high = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let low = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            self.init(ip: IPAddress.v6(high, low).unmapped, port: port)
        default:
            return nil
        }
    }

    /// Asks `body` (getsockname or a relative of it) to fill in an address.
    static func reading(_ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32)
        -> TransportAddress?
    {
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: the storage is large enough for either family; the offsets are those of sockaddr_in and sockaddr_in6.
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            // SAFETY: sockaddr_storage is made to be looked at as any sockaddr.
            let address = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            guard unsafe body(address, &length) == 0 else { return nil }
            return unsafe TransportAddress(address)
        }
    }
}
