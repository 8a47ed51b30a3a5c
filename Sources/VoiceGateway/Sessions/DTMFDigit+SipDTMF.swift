internal import ClientProtocol
internal import Signalling

extension DTMFDigit {
    /// The key that a packet names by its text, or by its code alone; nil when there is none of that name.
    init?(_ key: SipDTMF) {
        guard key.digit.isEmpty else {
            guard key.digit.utf8.count == 1, let digit = key.digit.uppercased().first.flatMap(Self.init(rawValue:))
            else { return nil }
            self = digit
            return
        }
        guard let digit = Self.allCases.first(where: { $0.code == key.code }) else { return nil }
        self = digit
    }
}
