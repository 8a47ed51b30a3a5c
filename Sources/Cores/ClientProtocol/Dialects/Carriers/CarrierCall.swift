/// Which call of which carrier a session is: what is needed to end it at the carrier.
package struct CarrierCall: Hashable, Sendable {
    /// The dialect's name.
    package var carrier: String
    /// The carrier's name for the account; nil where it says none.
    package var account: String?
    package var call: String

    package init(carrier: String, account: String? = nil, call: String) {
        self.carrier = carrier
        self.account = account
        self.call = call
    }
}
