package import Wire

/// A variable-length parameter or error cause: type, length, value, padded to four bytes (RFC 9260 section 3.2.1).
package struct SCTPParameter: Hashable, Sendable {
    package var type: UInt16
    /// Without header and padding.
    package var value: [UInt8]

    package init(type: UInt16, value: [UInt8]) {
        self.type = type
        self.value = value
    }

    // Parameters of INIT, INIT ACK and HEARTBEAT.
    package static let heartbeatInformation: UInt16 = 0x0001
    package static let stateCookie: UInt16 = 0x0007
    package static let unrecognizedParameter: UInt16 = 0x0008
    /// The chunk types beyond RFC 9260 that the sender understands (RFC 5061 section 4.2.7).
    package static let supportedExtensions: UInt16 = 0x8008
    /// FORWARD TSN is understood (RFC 3758 section 3.1).
    package static let forwardTSNSupported: UInt16 = 0xC000

    /// Parameters that the RFC defines and that need no answer although we make no use of them: addresses, host
    /// name, cookie preservative, address types.
    static let ignored: Set<UInt16> = [5, 6, 9, 11, 12]

    /// The upper bit of the type: an endpoint that does not know the type goes on with the next parameter.
    var isSkippedWhenUnknown: Bool { type & 0x8000 != 0 }
    /// The second bit of the type: an endpoint that does not know the type tells the sender.
    var isReportedWhenUnknown: Bool { type & 0x4000 != 0 }

    /// Parses a list of parameters up to the end of `bytes`; the padding of the last may be missing.
    package static func list(parsing bytes: RawSpan) throws(Truncated) -> [SCTPParameter] {
        var reader = ByteReader(bytes)
        var parameters: [SCTPParameter] = []
        while reader.remaining >= 4 {
            let type = try reader.readUInt16()
            let length = Int(try reader.readUInt16())
            parameters.append(SCTPParameter(type: type, value: try reader.readBytes(length - 4)))
            try reader.skip(min(-length & 3, reader.remaining))
        }
        return parameters
    }

    /// Appends padding for what stands before, header and value. The last parameter's own padding is left to the
    /// chunk, whose length does not count it. A value beyond what the length field can say is cut off.
    package func write(to writer: inout ByteWriter) {
        let length = min(value.count, Int(UInt16.max) - 4)
        writer.pad(to: 4)
        writer.write(type)
        writer.write(UInt16(length + 4))
        writer.write(value.prefix(length))
    }
}

/// Error causes of ABORT and ERROR (RFC 9260 section 3.3.10).
package enum SCTPErrorCause {
    package static let invalidStreamIdentifier: UInt16 = 1
    package static let missingMandatoryParameter: UInt16 = 2
    package static let staleCookie: UInt16 = 3
    package static let unrecognizedChunkType: UInt16 = 6
    package static let invalidMandatoryParameter: UInt16 = 7
    package static let unrecognizedParameters: UInt16 = 8
    package static let noUserData: UInt16 = 9
    package static let userInitiatedAbort: UInt16 = 12
    package static let protocolViolation: UInt16 = 13
}
