internal import Signalling

/// Offers and answers on the connection that we offer on: one offer is out at a time, and what changes meanwhile goes into
/// the next one (docs/livekit-protocol.md#negotiation-with-one-connection). Pure.
struct OfferExchange {
    private var lastID: UInt32 = 0
    private var outstanding: UInt32?
    private var needsOffer = false
    /// An ICE restart shall be part of the next offer.
    private var needsRestart = false
    /// The offer that is out restarts ICE.
    private var isRestarting = false
    /// The last descriptions, for the server's eyes after a resume.
    private(set) var lastOffer: SignalDescription?
    private(set) var lastAnswer: SignalDescription?

    /// An offer was answered, and an ICE restart, if there was one.
    var isComplete: Bool { lastAnswer != nil && !needsRestart && !isRestarting }

    /// Asks for an offer.
    /// - Returns: whether the one to be made now restarts ICE; nil while another is out.
    mutating func begin(iceRestart: Bool) -> Bool? {
        needsRestart = needsRestart || iceRestart
        guard outstanding == nil else {
            needsOffer = true
            return nil
        }
        needsOffer = false
        isRestarting = needsRestart
        needsRestart = false
        return isRestarting
    }

    /// The offer, numbered.
    mutating func offer(_ sdp: String) -> SignalDescription {
        lastID += 1
        outstanding = lastID
        let offer = SignalDescription.with {
            $0.type = "offer"
            $0.sdp = sdp
            $0.id = lastID
        }
        lastOffer = offer
        return offer
    }

    /// Whether an answer is that to the offer which is out; servers may leave out its number.
    mutating func accept(_ answer: SignalDescription) -> Bool {
        guard let outstanding, answer.id == 0 || answer.id == outstanding else { return false }
        self.outstanding = nil
        isRestarting = false
        return true
    }

    /// The answer has taken effect.
    /// - Returns: whether another offer is due.
    mutating func finish(_ answer: SignalDescription) -> Bool {
        lastAnswer = answer
        return needsOffer
    }

    /// After a resume no answer will come to what was offered before; another offer must follow.
    mutating func forget() {
        outstanding = nil
        isRestarting = false
    }
}
