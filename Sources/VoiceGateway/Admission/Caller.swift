package import Wire

/// Who a request comes from, as far as that is known.
package struct Caller: Hashable, Sendable {
    package var address: IPAddress
    /// The place of its API key in the operator's list; nil when it has shown none.
    package var key: Int?

    package init(address: IPAddress, key: Int? = nil) {
        self.address = address
        self.key = key
    }
}
