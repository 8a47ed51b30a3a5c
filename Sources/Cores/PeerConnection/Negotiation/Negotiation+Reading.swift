/// What makes a description acceptable.
extension Negotiation {
    func parse(_ text: String) throws(NegotiationError) -> SessionDescription {
        do { return try SessionDescription(parsing: text) } catch { throw .description(error) }
    }

    /// Sections that we know must be where they were; live ones must share the bundle and multiplex RTCP.
    func check(_ description: SessionDescription) throws(NegotiationError) {
        for (transceiver, section) in zip(transceivers, description.sections) {
            guard section.kind == transceiver.kind, section.mid == nil || section.mid == transceiver.mid else {
                throw .sectionsChanged
            }
        }
        let live = description.sections.lazy.filter { !$0.isRejected }
        if live.dropFirst().first != nil {
            let bundle = Set(description.bundle)
            for section in live {
                guard let mid = section.mid, bundle.contains(mid) else { throw .notMultiplexed }
            }
        }
        for section in live where section.kind == .audio && section.direction != .inactive {
            guard section.hasRTCPMultiplexing else { throw .notMultiplexed }
        }
    }

    /// What the section that stands for the bundle says of the peer's transport; nil if no section can be used.
    static func transport(of description: SessionDescription) throws(NegotiationError) -> RemoteTransport? {
        guard let section = description.transportSection else { return nil }
        guard !section.fingerprints.isEmpty, let fragment = section.iceUsernameFragment,
            let password = section.icePassword,
            let credentials = ICECredentials(usernameFragment: fragment, password: password)
        else { throw .missingTransport }
        return RemoteTransport(
            credentials: credentials, fingerprints: section.fingerprints, setup: section.setup,
            isLite: description.isICELite,
            candidates: section.candidates.compactMap { ICECandidate(trickled: $0) })
    }

    /// Bytes of the largest message that the peer takes; nil without a section for data.
    static func maximumMessageSize(of description: SessionDescription) -> Int? {
        guard let section = description.sections.first(where: { $0.kind == .application && !$0.isRejected }) else {
            return nil
        }
        // RFC 8841 section 6.1: without the attribute it is 64 kB.
        return section.maximumMessageSize ?? 65_536
    }
}

extension ICECandidate {
    /// Reads the text of a candidate, with or without `a=candidate:` or `candidate:` in front; nil if it is of no use.
    init?(trickled text: String) {
        let isPrefixed = text.hasPrefix("candidate:") || text.hasPrefix("a=candidate:")
        guard let candidate = try? ICECandidate(parsing: isPrefixed ? text : "candidate:" + text) else { return nil }
        self = candidate
    }
}
