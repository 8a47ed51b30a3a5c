import Wire

/// A parameter of RE-CONFIG (RFC 6525 section 4).
package enum SCTPReconfigurationParameter: Hashable, Sendable {
    /// The sender starts the listed streams (all, if none is listed) again at sequence number 0, once the receiver
    /// has everything up to `lastTSN`.
    case outgoingReset(requestSequence: UInt32, responseSequence: UInt32, lastTSN: UInt32, streams: [UInt16])
    /// The sender asks the receiver to reset its outgoing streams.
    case incomingReset(requestSequence: UInt32, streams: [UInt16])
    case associationReset(requestSequence: UInt32)
    case response(responseSequence: UInt32, result: UInt32)
    case addOutgoingStreams(requestSequence: UInt32, count: UInt16)
    case addIncomingStreams(requestSequence: UInt32, count: UInt16)
    case unknown(SCTPParameter)

    /// Result codes of a response (RFC 6525 section 4.4).
    package enum Result {
        package static let nothingToDo: UInt32 = 0
        package static let performed: UInt32 = 1
        package static let denied: UInt32 = 2
        package static let wrongSequenceNumber: UInt32 = 5
        package static let inProgress: UInt32 = 6
    }

    init(_ parameter: SCTPParameter) throws(Truncated) {
        var reader = ByteReader(parameter.value.span.bytes)
        switch parameter.type {
        case 13:
            let request = try reader.readUInt32()
            let response = try reader.readUInt32()
            let last = try reader.readUInt32()
            var streams: [UInt16] = []
            while !reader.isAtEnd { streams.append(try reader.readUInt16()) }
            self = .outgoingReset(
                requestSequence: request, responseSequence: response, lastTSN: last, streams: streams)
        case 14:
            let request = try reader.readUInt32()
            var streams: [UInt16] = []
            while !reader.isAtEnd { streams.append(try reader.readUInt16()) }
            self = .incomingReset(requestSequence: request, streams: streams)
        case 15: self = .associationReset(requestSequence: try reader.readUInt32())
        case 16:
            // Two optional TSNs follow only after a reset of the association, which we never ask for.
            self = .response(responseSequence: try reader.readUInt32(), result: try reader.readUInt32())
        case 17:
            self = .addOutgoingStreams(requestSequence: try reader.readUInt32(), count: try reader.readUInt16())
        case 18:
            self = .addIncomingStreams(requestSequence: try reader.readUInt32(), count: try reader.readUInt16())
        default: self = .unknown(parameter)
        }
    }

    /// Type and value as they travel.
    var encoded: SCTPParameter {
        var writer = ByteWriter()
        let type: UInt16
        switch self {
        case .outgoingReset(let request, let response, let last, let streams):
            type = 13
            writer.write(request)
            writer.write(response)
            writer.write(last)
            for stream in streams { writer.write(stream) }
        case .incomingReset(let request, let streams):
            type = 14
            writer.write(request)
            for stream in streams { writer.write(stream) }
        case .associationReset(let request):
            type = 15
            writer.write(request)
        case .response(let sequence, let result):
            type = 16
            writer.write(sequence)
            writer.write(result)
        case .addOutgoingStreams(let request, let count):
            type = 17
            writer.write(request)
            writer.write(count)
            writer.write(UInt16(0))
        case .addIncomingStreams(let request, let count):
            type = 18
            writer.write(request)
            writer.write(count)
            writer.write(UInt16(0))
        case .unknown(let parameter):
            return parameter
        }
        return SCTPParameter(type: type, value: writer.bytes)
    }
}
