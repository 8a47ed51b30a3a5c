internal import CLibUV
package import Wire

/// An address of this machine at which others may reach it.
package struct InterfaceAddress: Hashable, Sendable {
    /// The interface's name, `eth0` for instance.
    package let name: String
    package let ip: IPAddress
    /// Reachable from this machine alone.
    package let isLoopback: Bool

    /// The addresses of all interfaces that are up, without link-local ones, which mean nothing without a zone.
    package static func all() throws(EventLoopError) -> [InterfaceAddress] {
        var list: UnsafeMutablePointer<uv_interface_address_t>?
        var count: Int32 = 0
        // SAFETY: libuv gives a list and its length, which are freed at the end.
        let code = unsafe uv_interface_addresses(&list, &count)
        guard code == 0, let list = unsafe list else {
            throw EventLoopError(code, operation: "list the network interfaces")
        }
        // SAFETY: libuv filled in `count` entries, and frees them below.
        defer { unsafe uv_free_interface_addresses(list, count) }
        return unsafe UnsafeBufferPointer(start: list, count: Int(count)).compactMap { entry in
            let address = unsafe withUnsafePointer(to: entry.address) { pointer in
                unsafe TransportAddress(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
            }
            guard let ip = address?.ip, !ip.isLinkLocal else { return nil }
            return unsafe InterfaceAddress(
                name: String(cString: entry.name), ip: ip, isLoopback: entry.is_internal != 0)
        }
    }
}
