internal import Bridge
internal import EventLoops

/// The identities that clients of this process have in rooms, so that no two get the same at the same time.
///
/// Shared by threads.
package final class IdentityClaims: Sendable {
    /// Somebody in a room.
    struct Member: Hashable, Sendable {
        var room: String
        var identity: String
    }

    /// The right to an identity, given back when nobody holds it any more.
    final class Claim: IdentityRight, Sendable {
        private let member: Member
        private let claims: IdentityClaims

        fileprivate init(_ member: Member, _ claims: IdentityClaims) {
            self.member = member
            self.claims = claims
        }

        deinit { claims.release(member) }
    }

    private let members = Locked(Set<Member>())

    package init() {}

    /// Claims an identity; nil when somebody else has it.
    func claim(_ identity: String, in room: String) -> Claim? {
        let member = Member(room: room, identity: identity)
        guard members.withLock({ $0.insert(member).inserted }) else { return nil }
        return Claim(member, self)
    }

    private func release(_ member: Member) { _ = members.withLock { $0.remove(member) } }
}
