package import Wire

/// Who a request comes from, as far as that is known.
package struct Caller: Hashable, Sendable {
    package var address: IPAddress
    /// The number of its API key; nil when it has shown none.
    package var key: Int?
    /// The device that it has shown to be; nil for others.
    package var device: KnownDevice?

    package init(address: IPAddress, key: Int? = nil) {
        self.address = address
        self.key = key
    }
}
