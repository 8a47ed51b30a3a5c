package import Wire

/// One WebRTC peer connection as a sans-I/O object: ICE, DTLS, SRTP, RTP with RTCP, and data channels over one
/// bundled transport. It serves both ends: a participant, and the server that it talks to.
///
/// It only passes things on between its parts: what comes over the transport goes to the streams or to the data channels,
/// what those want sent goes to the transport, and what was negotiated to all of them. A part owns its fields, and says
/// what it wants by return values and by `poll`.
///
/// Datagrams and the time go in; datagrams, sound and events come out through the delegate, synchronously. After
/// every call the owner re-arms its timer for `nextDeadline`. Nothing inside reads a clock.
///
///     offerer:   addAudioSection / addDataSection → createOffer → acceptAnswer
///     answerer:  acceptOffer → setLocalTrack on sections that are free → createAnswer
package final class PeerConnection {
    /// Sections in one connection.
    package static let maximumSections = 200
    /// SSRCs that are received at a time, announced ones and others.
    package static let maximumReceivers = 256
    /// Bytes of the largest RTP packet that we send, without SRTP's addition.
    package static let maximumPacketSize = 1400

    package weak var delegate: (any PeerConnectionDelegate)?
    /// How the connection as a whole is doing.
    package private(set) var state = PeerConnectionState.new
    /// Whether the last datagram may have brought `nextDeadline` closer. Media that comes in order does not, and to ask
    /// again after each packet costs as much as the packet's own way.
    package private(set) var movesDeadline = false
    let transport: TransportSecurity
    var negotiation: Negotiation
    let streams: RTPStreams
    let channels: DataChannelMux
    private var events: [PeerConnectionEvent] = []
    private var isDelivering = false

    /// - Parameter random: credentials, SSRCs and sequence numbers come from it; cryptographically secure outside tests.
    package init(
        configuration: PeerConnectionConfiguration, factory: any SecureTransportFactory,
        authentication: MessageAuthentication, random: any RandomNumberGenerator
    ) {
        var random = random
        channels = DataChannelMux(configuration: configuration.dataChannels, random: &random)
        let sessionID: UInt64 = random.next() >> 2
        let reporterSource: UInt32 = random.next()
        let cname = configuration.cname.isEmpty ? String(random.next(), radix: 36) : configuration.cname
        negotiation = Negotiation(options: configuration.negotiation(cname: cname), sessionID: sessionID)
        transport = TransportSecurity(
            ice: ICEAgent(configuration: configuration.ice, authentication: authentication, random: random),
            dtls: factory.makeDTLS(), factory: factory, preferredRole: configuration.preferredDTLSRole)
        // A seeded generator is a value: move on, so that the agent's numbers are not ours as well.
        for _ in 0..<64 { _ = random.next() }
        streams = RTPStreams(
            reporterSource: reporterSource, cname: cname, receiveMode: configuration.receiveMode, random: random)
    }

    var isClosed: Bool { state == .closed }

    // MARK: Time and datagrams

    /// When `handleTimeout` wants to be called; nil when nothing is due. Ask again after every call.
    package var nextDeadline: Instant? {
        guard !isClosed else { return nil }
        return Instant.earliest(
            Instant.earliest(transport.nextDeadline, channels.nextDeadline), streams.nextDeadline)
    }

    /// Does what is due. At other times it does no harm.
    package func handleTimeout(now: Instant) {
        guard !isClosed else { return }
        transport.handleTimeout(now: now)
        if let deadline = channels.nextDeadline, deadline <= now { channels.handleTimeout(now: now) }
        streams.handleTimeout(now: now) { handOver($0) }
        process(now: now)
    }

    /// Takes one datagram that came from `source` to our socket `base`. Media is decrypted in place.
    package func receive(
        _ datagram: inout MutableRawSpan, from source: TransportAddress, on base: TransportAddress,
        now: Instant
    ) {
        guard !isClosed else { return }
        movesDeadline = true
        let wasDisconnected = state == .disconnected
        switch transport.receive(&datagram, from: source, on: base, now: now) {
        case .rtp(let length):
            // Whoever is told of sound knows that the peer is back.
            if wasDisconnected { process(now: now) }
            let hasGap = streams.receive(datagram.bytes.extracting(0..<length), now: now) { handOver($0) }
            if !streams.hasOutputs, events.isEmpty {
                movesDeadline = wasDisconnected || hasGap
                return
            }
        case .rtcp(let length):
            streams.receiveControl(datagram.bytes.extracting(0..<length), now: now) { handOver($0) }
        case .rejected: streams.statistics.packetsRejected += 1
        case .unknown: streams.statistics.packetsIgnored += 1
        case .taken: break
        }
        process(now: now)
    }

    /// A TCP connection that the delegate was asked for stands.
    package func streamOpened(from base: TransportAddress, to remote: TransportAddress, now: Instant) {
        guard !isClosed else { return }
        transport.streamOpened(from: base, to: remote, now: now)
        process(now: now)
    }

    /// It could not be opened, or has ended; why, for people.
    package func streamClosed(
        from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant
    ) {
        guard !isClosed else { return }
        transport.streamClosed(from: base, to: remote, reason: reason, now: now)
        process(now: now)
    }

    /// Ends the connection: says goodbye for our SSRCs, aborts SCTP, sends close_notify. Later calls do nothing.
    package func close(now: Instant) {
        guard !isClosed else { return }
        streams.queueGoodbye()
        channels.abort(now: now)
        drain(now: now)
        transport.sayGoodbye()
        drain(now: now)
        finish()
        deliver()
    }

    // MARK: Between the parts

    /// Puts out all that is to be sent, brings the state up to date, and delivers events.
    func process(now: Instant) {
        drain(now: now)
        if !isClosed { note(transport.state) }
        deliver()
    }

    /// Moves outputs along until no part has any.
    private func drain(now: Instant) {
        var isMoving = true
        while isMoving, !isClosed {
            isMoving = false
            while !isClosed, let output = transport.poll(now: now) {
                isMoving = true
                handle(output, now: now)
            }
            streams.pathRoundTrip = transport.roundTripTime
            while let output = streams.poll() {
                isMoving = true
                handle(output)
            }
            while let output = channels.poll() {
                isMoving = true
                handle(output)
            }
        }
    }

    private func handle(_ output: TransportOutput, now: Instant) {
        switch output {
        case .transmit(let bytes, let base, let destination): transmit(bytes, from: base, to: destination)
        case .openStream(let base, let destination):
            delegate?.peerConnection(self, openStreamFrom: base, to: destination)
        case .closeStream(let base, let destination):
            delegate?.peerConnection(self, closeStreamFrom: base, to: destination)
        case .relayWanted(let isV6): delegate?.peerConnection(self, wantsRelayForV6: isV6)
        case .connected(let protectsMedia):
            guard protectsMedia || !negotiation.hasAudio else {
                transport.fail()
                events.append(.transportFailed("no SRTP profile was agreed upon"))
                return
            }
            startMedia(now: now)
        case .received(let bytes): channels.receive(bytes.span.bytes, now: now)
        case .closedByPeer:
            events.append(.closedByPeer)
            finish()
        case .failed(let reason): events.append(.transportFailed(reason))
        }
    }

    private func handle(_ output: StreamOutput) {
        switch output {
        case .control(let compound):
            guard let path = transport.path, let datagram = transport.protectRTCP(compound) else { return }
            delegate?.peerConnection(self, transmit: datagram.span.bytes, from: path.base, to: path.destination)
        case .resend(let packet):
            if let path = transport.path { transmit(packet, from: path.base, to: path.destination) }
        case .event(let event): events.append(event)
        }
    }

    private func handle(_ output: DataChannelOutput) {
        switch output {
        case .transmit(let packet): transport.send(packet)
        case .associationConnected: events.append(.dataChannelsConnected)
        case .channelOpened(let id, let label, let isRemote):
            events.append(.channelOpened(id, label: label, isRemote: isRemote))
        case .message(let id, let bytes, let isText): events.append(.channelMessage(id, bytes, isText: isText))
        case .bufferedAmountLow(let id): events.append(.channelBufferedAmountLow(id))
        case .channelClosed(let id): events.append(.channelClosed(id))
        case .associationClosed: break
        }
    }

    /// Reports begin with the keys; SCTP when DTLS is connected and a section for data was negotiated.
    func startMedia(now: Instant) {
        if transport.protectsMedia { streams.startReports(now: now) }
        guard transport.isConnected, channels.role == nil, let role = transport.role, negotiation.hasData else {
            return
        }
        channels.start(role: role, now: now)
    }

    /// Lets go of everything; nothing is sent any more.
    private func finish() {
        transport.close()
        streams.close()
        note(.closed)
    }

    private func note(_ newState: PeerConnectionState) {
        guard newState != state else { return }
        state = newState
        events.append(.stateChanged(newState))
    }

    // MARK: The delegate

    func transmit(_ bytes: [UInt8], from base: TransportAddress, to destination: TransportAddress) {
        delegate?.peerConnection(self, transmit: bytes.span.bytes, from: base, to: destination)
    }

    private func handOver(_ sound: ReceivedSound) {
        switch sound {
        case .ordered(let section, let output): delegate?.peerConnection(self, section: section, released: output)
        case .raw(let packet): delegate?.peerConnection(self, received: packet)
        }
    }

    /// Hands events to the delegate in order. What it causes by calling us is appended and delivered here, too.
    private func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        var index = 0
        while index < events.count {
            let event = events[index]
            index += 1
            delegate?.peerConnection(self, event: event)
        }
        events.removeAll(keepingCapacity: true)
        isDelivering = false
    }
}
