/// The faces that displays of xiaozhi devices know, for the moods that agents tell of what they say.
enum XiaozhiEmotion: String, Hashable, Sendable, CaseIterable {
    case neutral, happy, laughing, sad, angry, loving, embarrassed, surprised, thinking, winking, relaxed, confident

    /// - Parameter expression: moods are those of livekit-agents; others look neutral.
    init(_ expression: Transcript.Expression) {
        self =
            switch expression.mood {
            case "excited": .laughing
            case "happy": .happy
            case "playful": .winking
            case "curious": .thinking
            case "surprised": .surprised
            case "hopeful": .confident
            case "empathetic": .loving
            case "sad": .sad
            case "angry": .angry
            case "anxious": .embarrassed
            case "calm": .relaxed
            default: .neutral
            }
    }

    var name: String { rawValue }

    /// What displays without faces show.
    var symbol: String {
        switch self {
        case .neutral: "😶"
        case .happy: "🙂"
        case .laughing: "😆"
        case .sad: "😔"
        case .angry: "😠"
        case .loving: "😍"
        case .embarrassed: "😳"
        case .surprised: "😯"
        case .thinking: "🤔"
        case .winking: "😉"
        case .relaxed: "😌"
        case .confident: "😏"
        }
    }
}
