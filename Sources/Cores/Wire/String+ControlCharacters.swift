extension String {
    /// Whether one of its characters is of Unicode's category Cc, which nobody sees.
    package var hasControlCharacters: Bool {
        unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
