/// News of a session of livekit-agents (`AgentSessionEvent` of `agent_session.proto`): as much of it as clients are told of. One of
/// the members is set.
package struct AgentSessionEvent: ProtobufMessage {
    package var userStateChanged: UserStateChanged?
    package var conversationItemAdded: ConversationItemAdded?
    package var functionToolsExecuted: FunctionToolsExecuted?
    package var error: ErrorReport?
    package var toolExecutionUpdated: ToolExecutionUpdated?
    package var agentFalseInterruption: FalseInterruption?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(11, "user_state_changed", &userStateChanged)
        fields.field(12, "conversation_item_added", &conversationItemAdded)
        fields.field(14, "function_tools_executed", &functionToolsExecuted)
        fields.field(15, "error", &error)
        fields.field(22, "tool_execution_updated", &toolExecutionUpdated)
        fields.field(23, "agent_false_interruption", &agentFalseInterruption)
    }

    package struct UserState: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let names: [Int32: String] = [0: "US_SPEAKING", 1: "US_LISTENING", 2: "US_AWAY"]
    }

    package struct UserStateChanged: ProtobufMessage {
        package var newState = UserState(rawValue: 0)
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(2, "new_state", &newState) }
    }

    package struct ConversationItemAdded: ProtobufMessage {
        package var item: ChatItem?
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "item", &item) }
    }

    /// What an item is besides a message is told of by other events.
    package struct ChatItem: ProtobufMessage {
        package var message: ChatMessage?
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "message", &message) }
    }

    package struct ChatRole: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let names: [Int32: String] = [0: "DEVELOPER", 1: "SYSTEM", 2: "USER", 3: "ASSISTANT"]
    }

    package struct ChatMessage: ProtobufMessage {
        package var id = ""
        package var role = ChatRole(rawValue: 0)
        package var content: [ChatContent] = []
        package var interrupted = false

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "id", &id)
            fields.field(2, "role", &role)
            fields.field(3, "content", &content)
            fields.field(4, "interrupted", &interrupted)
        }
    }

    package struct ChatContent: ProtobufMessage {
        package var text = ""
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "text", &text) }
    }

    package struct FunctionToolsExecuted: ProtobufMessage {
        package var functionCallOutputs: [FunctionCallOutput] = []
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(2, "function_call_outputs", &functionCallOutputs)
        }
    }

    package struct FunctionCall: ProtobufMessage {
        package var callId = ""
        /// JSON, as the model wrote it.
        package var arguments = ""
        package var name = ""

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(2, "call_id", &callId)
            fields.field(3, "arguments", &arguments)
            fields.field(4, "name", &name)
        }
    }

    package struct FunctionCallOutput: ProtobufMessage {
        package var name = ""
        package var callId = ""
        package var output = ""
        package var isError = false

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(2, "name", &name)
            fields.field(3, "call_id", &callId)
            fields.field(4, "output", &output)
            fields.field(5, "is_error", &isError)
        }
    }

    package struct ErrorReport: ProtobufMessage {
        package var message = ""
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "message", &message) }
    }

    package struct ToolExecutionUpdated: ProtobufMessage {
        package var started: ToolStarted?
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "started", &started) }
    }

    package struct ToolStarted: ProtobufMessage {
        package var functionCall: FunctionCall?
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "function_call", &functionCall) }
    }

    package struct FalseInterruption: ProtobufMessage {
        package var resumed = false
        package init() {}
        package mutating func visit(_ fields: inout FieldVisitor) { fields.field(1, "resumed", &resumed) }
    }
}
