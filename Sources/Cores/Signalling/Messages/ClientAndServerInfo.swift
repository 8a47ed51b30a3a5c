/// What a client says about itself.
package struct ClientInfo: ProtobufMessage {
    package var sdk = ClientInfo.SDK.unknown
    package var version = ""
    package var protocolVersion: Int32 = 0
    package var os = ""
    package var osVersion = ""
    package var deviceModel = ""
    package var browser = ""
    package var browserVersion = ""
    package var address = ""
    package var network = ""
    package var otherSdks = ""
    package var clientProtocol: Int32 = 0
    package var capabilities: [ClientInfo.Capability] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sdk", &sdk)
        fields.field(2, "version", &version)
        fields.field(3, "protocol", &protocolVersion)
        fields.field(4, "os", &os)
        fields.field(5, "os_version", &osVersion)
        fields.field(6, "device_model", &deviceModel)
        fields.field(7, "browser", &browser)
        fields.field(8, "browser_version", &browserVersion)
        fields.field(9, "address", &address)
        fields.field(10, "network", &network)
        fields.field(11, "other_sdks", &otherSdks)
        fields.field(12, "client_protocol", &clientProtocol)
        fields.field(13, "capabilities", &capabilities)
    }
}

extension ClientInfo {
    /// Which SDK a client is made with.
    package struct SDK: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let unknown = Self(rawValue: 0)
        package static let js = Self(rawValue: 1)
        package static let swift = Self(rawValue: 2)
        package static let android = Self(rawValue: 3)
        package static let flutter = Self(rawValue: 4)
        package static let go = Self(rawValue: 5)
        package static let unity = Self(rawValue: 6)
        package static let reactNative = Self(rawValue: 7)
        package static let rust = Self(rawValue: 8)
        package static let python = Self(rawValue: 9)
        package static let cpp = Self(rawValue: 10)
        package static let unityWeb = Self(rawValue: 11)
        package static let node = Self(rawValue: 12)
        package static let unreal = Self(rawValue: 13)
        package static let esp32 = Self(rawValue: 14)
        package static let dotnet = Self(rawValue: 15)

        package static let names: [Int32: String] = [
            0: "UNKNOWN", 1: "JS", 2: "SWIFT", 3: "ANDROID", 4: "FLUTTER", 5: "GO", 6: "UNITY", 7: "REACT_NATIVE",
            8: "RUST", 9: "PYTHON", 10: "CPP", 11: "UNITY_WEB", 12: "NODE", 13: "UNREAL", 14: "ESP32", 15: "DOTNET",
        ]
    }
}

extension ClientInfo {
    /// What a client can do beyond its protocol number.
    package struct Capability: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let unused = Self(rawValue: 0)
        package static let packetTrailer = Self(rawValue: 1)
        package static let compressionDeflateRaw = Self(rawValue: 2)

        package static let names: [Int32: String] = [
            0: "CAP_UNUSED", 1: "CAP_PACKET_TRAILER", 2: "CAP_COMPRESSION_DEFLATE_RAW",
        ]
    }
}

/// What a server says about itself; SDKs want `version` in semantic versioning's form.
package struct ServerInfo: ProtobufMessage {
    package var edition = ServerInfo.Edition.standard
    package var version = ""
    package var protocolVersion: Int32 = 0
    package var region = ""
    package var nodeId = ""
    package var debugInfo = ""
    package var agentProtocol: Int32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "edition", &edition)
        fields.field(2, "version", &version)
        fields.field(3, "protocol", &protocolVersion)
        fields.field(4, "region", &region)
        fields.field(5, "node_id", &nodeId)
        fields.field(6, "debug_info", &debugInfo)
        fields.field(7, "agent_protocol", &agentProtocol)
    }
}

extension ServerInfo {
    /// Open source or cloud.
    package struct Edition: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let standard = Self(rawValue: 0)
        package static let cloud = Self(rawValue: 1)

        package static let names: [Int32: String] = [
            0: "Standard", 1: "Cloud",
        ]
    }
}

/// What the server wants this client to do differently.
package struct ClientConfiguration: ProtobufMessage {
    package var resumeConnection = ClientConfigSetting.unset
    package var disabledCodecs: DisabledCodecs?
    package var forceRelay = ClientConfigSetting.unset

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(3, "resume_connection", &resumeConnection)
        fields.field(4, "disabled_codecs", &disabledCodecs)
        fields.field(5, "force_relay", &forceRelay)
    }
}

/// A setting that may be left to the client.
package struct ClientConfigSetting: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unset = Self(rawValue: 0)
    package static let disabled = Self(rawValue: 1)
    package static let enabled = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "UNSET", 1: "DISABLED", 2: "ENABLED",
    ]
}

/// Codecs that the client shall not use.
package struct DisabledCodecs: ProtobufMessage {
    package var codecs: [EnabledCodec] = []
    package var publish: [EnabledCodec] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "codecs", &codecs)
        fields.field(2, "publish", &publish)
    }
}

/// A codec that may be published (proto name `Codec`).
package struct EnabledCodec: ProtobufMessage {
    package var mime = ""
    package var fmtpLine = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "mime", &mime)
        fields.field(2, "fmtp_line", &fmtpLine)
    }
}
