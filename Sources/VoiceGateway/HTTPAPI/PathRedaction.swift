internal import Signalling

/// What the log shows of a path that nobody serves: keys and tokens get into paths by mistake, and are worth no less there
/// than in a query.
enum PathRedaction {
    /// A longer part of a path may be a secret, whatever else it may be.
    static let maximumPartBytes = 20

    /// The path with `(not shown)` in the place of each part that is long, or stands behind `=`, and `(token)` in the place of
    /// each token.
    static func shown(_ path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map { part -> String in
            if let equals = part.firstIndex(of: "=") { return part[...equals] + "(not shown)" }
            return part.utf8.count > maximumPartBytes ? "(not shown)" : String(part)
        }
        return TokenRedaction.withoutTokens(parts.joined(separator: "/"))
    }
}
