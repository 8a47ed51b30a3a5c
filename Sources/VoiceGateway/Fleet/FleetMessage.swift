internal import Wire

/// What one gateway writes to others.
struct FleetMessage: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        case question(OperatorQuestion)
        case answer(GatewayAnswer)
    }

    /// Ids of gateways.
    var from: String
    /// Nil: to all others.
    var to: String?
    /// Of the question, by which its asker finds it again.
    var number: Int
    var content: Content

    init(from: String, to: String?, number: Int, _ content: Content) {
        self.from = from
        self.to = to
        self.number = number
        self.content = content
    }

    /// Nil for what no gateway of ours writes.
    init?(_ json: JSONValue) {
        guard let from = json["from"]?.string, let number = json["number"]?.integer else { return nil }
        if let question = json["question"].flatMap(OperatorQuestion.init) {
            content = .question(question)
        } else if let answer = json["answer"].flatMap(GatewayAnswer.init), answer.gateway.id == from {
            content = .answer(answer)
        } else {
            return nil
        }
        self.from = from
        to = json["to"]?.string
        self.number = Int(clamping: number)
    }

    var json: JSONValue {
        var object: JSONObject = ["from": .string(from), "number": .integer(Int64(number))]
        if let to { object.append("to", .string(to)) }
        switch content {
        case .question(let question): object.append("question", question.json)
        case .answer(let answer): object.append("answer", answer.json)
        }
        return .object(object)
    }
}
