/// Offers and answers (RFC 8829, the part that append-only sections need): which media sections there are, and what
/// was agreed upon for each. A value: it reads and writes descriptions, and says what changes for the streams.
struct Negotiation {
    /// What our descriptions ask for.
    struct Options {
        var cname: String
        var acceptsRED: Bool
        var usesRetransmission: Bool
        /// The text of `a=fmtp` for the Opus that we want to receive (RFC 7587).
        var opusParameters: String
        /// SCTP ports of both ends, and bytes of the largest message that we take (RFC 8841).
        var localPort: UInt16
        var remotePort: UInt16
        var maximumMessageSize: Int
    }

    /// Whose description comes next.
    enum Phase { case stable, haveLocalOffer, haveRemoteOffer }

    let options: Options
    let sessionID: UInt64
    /// Raised with each description of ours.
    private(set) var sessionVersion: UInt64 = 0
    private(set) var phase = Phase.stable
    /// Whether an offer was answered at least once.
    private(set) var hasNegotiated = false
    /// How many sections the latest offer of ours has.
    private var offeredSections = 0
    private(set) var transceivers: [Transceiver] = []
    private var mids: Set<String> = []
    /// The section of the data channels.
    private(set) var dataSection: Int?

    init(options: Options, sessionID: UInt64) {
        self.options = options
        self.sessionID = sessionID
    }

    // MARK: Sections

    /// Adds an audio section for the next offer and returns its index; nil when there are too many.
    mutating func addAudioSection(direction: MediaDirection) -> Int? { append(.audio, mid: nil, wanted: direction) }

    /// Adds the section for data channels, once; returns its index.
    mutating func addDataSection() -> Int? {
        if let dataSection { return dataSection }
        dataSection = append(.application, mid: nil, wanted: .sendReceive)
        return dataSection
    }

    /// Whether the index is that of a section that can carry audio.
    func canCarryAudio(_ index: Int) -> Bool {
        transceivers.indices.contains(index) && transceivers[index].kind == .audio && !transceivers[index].isRejected
    }

    /// Changes what we want of a section; an index that is none changes nothing.
    mutating func change(_ index: Int, _ body: (inout Transceiver) -> Void) {
        if transceivers.indices.contains(index) { body(&transceivers[index]) }
    }

    private mutating func append(_ kind: MediaKind, mid: String?, wanted: MediaDirection) -> Int? {
        let index = transceivers.count
        guard index < PeerConnection.maximumSections else { return nil }
        let name = mid ?? freshMID()
        mids.insert(name)
        transceivers.append(
            Transceiver(index: index, mid: name, kind: kind, wanted: wanted, acceptsRED: options.acceptsRED))
        return index
    }

    /// The lowest number from the section's index on that is not taken.
    private func freshMID() -> String {
        var number = transceivers.count
        while mids.contains(String(number)) { number += 1 }
        return String(number)
    }

    private mutating func reject(_ index: Int) {
        transceivers[index].reject()
        if dataSection == index { dataSection = nil }
    }

    /// Whether a live section carries audio.
    var hasAudio: Bool { transceivers.contains { $0.kind == .audio && !$0.isRejected } }

    /// Whether the peer has agreed to data channels.
    var hasData: Bool { dataSection.map { transceivers[$0].remote != nil } ?? false }

    // MARK: Offers

    /// Our side as an offer. One that is outstanding is replaced.
    mutating func createOffer(_ local: LocalTransport) throws(NegotiationError) -> String {
        guard phase != .haveRemoteOffer else { throw .wrongState }
        phase = .haveLocalOffer
        offeredSections = transceivers.count
        sessionVersion += 1
        let extensions = offeredExtensions()
        let opus = agreedOpusPayloadType
        return write(local, setup: .activeOrPassive) { transceiver, section in
            guard transceiver.kind == .audio, !transceiver.isRejected else { return }
            section.setMedia(
                codecs: offeredCodecs(transceiver, opus: opus), extensions: extensions, direction: transceiver.ready,
                track: transceiver.localTrack, cname: options.cname)
        }
    }

    /// Reads the peer's offer; nothing is applied.
    func read(offer text: String) throws(NegotiationError) -> SessionDescription {
        guard phase != .haveLocalOffer else { throw .wrongState }
        let offer = try parse(text)
        guard offer.sections.count <= PeerConnection.maximumSections else { throw .tooManySections }
        guard offer.sections.count >= transceivers.count else { throw .sectionsChanged }
        try check(offer)
        return offer
    }

    /// Applies an offer that was read. Directions take effect with the answer.
    mutating func accept(offer: SessionDescription) -> [StreamUpdate] {
        var updates: [StreamUpdate] = []
        for (index, section) in offer.sections.enumerated() {
            if index == transceivers.count {
                let wanted = section.kind == .audio ? MediaDirection.receiveOnly : .inactive
                guard append(section.kind, mid: section.mid, wanted: wanted) != nil else { break }
            }
            var announcement = take(section, index)
            let isLiveAudio = transceivers[index].kind == .audio && !transceivers[index].isRejected
            if isLiveAudio {
                let codecs = answeredCodecs(transceivers[index], section)
                if codecs.contains(where: \.isOpus) {
                    agree(codecs, RTPHeaderExtensionMapping.supported(section.headerExtensions), on: index)
                    announcement = transceivers[index].announcement(in: section)
                } else {
                    reject(index)
                    announcement = .none
                }
            }
            updates.append(transceivers[index].update(announcement))
        }
        phase = .haveRemoteOffer
        return updates
    }

    /// Our answer to the offer that was accepted last; with it the negotiated state takes effect.
    mutating func createAnswer(
        _ local: LocalTransport, role: DTLSRole?
    ) throws(NegotiationError) -> (text: String, updates: [StreamUpdate]) {
        guard phase == .haveRemoteOffer else { throw .wrongState }
        var updates: [StreamUpdate] = []
        for index in transceivers.indices {
            let transceiver = transceivers[index]
            guard transceiver.kind == .audio, !transceiver.isRejected, let remote = transceiver.remote else { continue }
            // RED may have been switched after the offer came.
            agree(answeredCodecs(transceiver, remote), transceiver.headerExtensions, on: index)
            let direction = transceiver.agreed(with: remote)
            transceivers[index].current = direction
            updates.append(transceivers[index].update(direction.receives ? .unchanged : .none))
        }
        phase = .stable
        hasNegotiated = true
        sessionVersion += 1
        let text = write(local, setup: role == .server ? .passive : .active) { transceiver, section in
            guard let remote = transceiver.remote else { return }
            section.transport = remote.transport
            guard transceiver.kind == .audio, !transceiver.isRejected else { return }
            section.setMedia(
                codecs: answeredCodecs(transceiver, remote), extensions: transceiver.headerExtensions,
                direction: transceiver.current, track: transceiver.localTrack, cname: options.cname)
            section.hasReducedSizeRTCP = remote.hasReducedSizeRTCP
        }
        return (text, updates)
    }

    // MARK: Answers

    /// Reads the peer's answer to the offer that was created last; nothing is applied.
    func read(answer text: String) throws(NegotiationError) -> SessionDescription {
        guard phase == .haveLocalOffer else { throw .wrongState }
        let answer = try parse(text)
        // Sections that have been added since wait for the next offer.
        guard answer.sections.count == offeredSections else { throw .sectionsChanged }
        try check(answer)
        return answer
    }

    /// Applies an answer that was read; with it the negotiated state takes effect.
    mutating func accept(answer: SessionDescription) -> [StreamUpdate] {
        var updates: [StreamUpdate] = []
        let opus = agreedOpusPayloadType
        for (index, section) in answer.sections.enumerated() where transceivers.indices.contains(index) {
            var announcement = take(section, index)
            if transceivers[index].kind == .audio, !transceivers[index].isRejected {
                let codecs = offeredCodecs(transceivers[index], opus: opus).compactMap { ours in
                    section.codecs.first { $0.isSame(as: ours) }
                }
                agree(codecs, RTPHeaderExtensionMapping.supported(section.headerExtensions), on: index)
                transceivers[index].current = codecs.isEmpty ? .inactive : transceivers[index].agreed(with: section)
                announcement = codecs.isEmpty ? .none : transceivers[index].announcement(in: section)
            }
            updates.append(transceivers[index].update(announcement))
        }
        phase = .stable
        hasNegotiated = true
        return updates
    }

    private mutating func agree(_ codecs: [RTPCodec], _ extensions: [RTPHeaderExtensionMapping], on index: Int) {
        transceivers[index].agree(
            codecs: codecs, headerExtensions: extensions, usesRetransmission: options.usesRetransmission)
    }

    /// Keeps what the peer says of a section; turns it down if it is of no use.
    private mutating func take(_ section: MediaSection, _ index: Int) -> StreamUpdate.Announcement {
        transceivers[index].remote = section
        let kind = transceivers[index].kind
        if kind == .application, dataSection == nil, !transceivers[index].isRejected { dataSection = index }
        let isUsable =
            switch kind {
            case _ where section.isRejected: false
            case .audio: section.isRTP
            case .application:
                dataSection == index && section.isSCTP && (section.sctpPort ?? 5000) == options.remotePort
            case .video, .other: true
            }
        guard !isUsable else { return .unchanged }
        reject(index)
        return .none
    }
}
