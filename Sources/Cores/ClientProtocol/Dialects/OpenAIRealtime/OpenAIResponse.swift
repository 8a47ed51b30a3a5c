internal import Wire

/// One reply of the agent, as OpenAI's API calls it: its words, how much of its sound the client has, and which words were
/// known when it got that.
struct OpenAIResponse: Sendable {
    /// Places in a reply that are remembered; when there are more, every other one is forgotten.
    private static let maximumMarks = 256

    let id: String
    let item: String
    private(set) var transcript = ""
    /// Sound that has been sent, in microseconds.
    private var sent = 0
    /// How many characters of the words were known when so many ms had been sent.
    private var marks: [(milliseconds: Int, count: Int)] = []
    /// What stands in each message of sound between the event's number and the sound.
    let soundMiddle: [UInt8]

    init(id: String, item: String) {
        self.id = id
        self.item = item
        soundMiddle = Array(
            #"","response_id":"\#(id)","item_id":"\#(item)","output_index":0,"content_index":0,"delta":""#.utf8)
    }

    var milliseconds: Int { sent / 1000 }

    mutating func note(soundOf bytes: Int, in format: AudioFormat) {
        sent += bytes * 1_000_000 / (format.sampleRate * (format.bytesPerSampleFrame ?? 2))
    }

    mutating func append(_ words: String) {
        transcript += words
        if marks.count == Self.maximumMarks {
            marks = marks.indices.filter { $0 % 2 == 1 }.map { marks[$0] }
        }
        marks.append((milliseconds, transcript.count))
    }

    /// The words that belong to the first so many ms. The room tells words as they are spoken.
    func heard(until milliseconds: Int) -> String {
        let count = marks.last { $0.milliseconds < milliseconds }?.count ?? 0
        return String(transcript.prefix(count))
    }
}
