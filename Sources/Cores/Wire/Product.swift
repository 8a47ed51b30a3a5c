/// What this program calls itself, wherever it does.
package enum Product {
    package static let name = "VoiceGateway"
    /// By Semantic Versioning; CHANGELOG.md says what each version has.
    package static let version = "0.1.0"
    /// For HTTP's `User-Agent` (RFC 9110 section 10.1.5).
    package static let userAgent = "\(name)/\(version)"
}
