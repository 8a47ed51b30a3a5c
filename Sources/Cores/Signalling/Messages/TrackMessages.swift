/// A published track's public state. Video layers are left out.
package struct TrackInfo: ProtobufMessage {
    package var sid = ""
    package var type = TrackType.audio
    package var name = ""
    package var muted = false
    package var width: UInt32 = 0
    package var height: UInt32 = 0
    package var simulcast = false
    package var disableDtx = false
    package var source = TrackSource.unknown
    package var mimeType = ""
    package var mid = ""
    package var codecs: [SimulcastCodecInfo] = []
    package var stereo = false
    package var disableRed = false
    package var encryption = EncryptionType.none
    package var stream = ""
    package var version: TimedVersion?
    package var audioFeatures: [AudioTrackFeature] = []
    package var backupCodecPolicy = BackupCodecPolicy.preferRegression

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sid", &sid)
        fields.field(2, "type", &type)
        fields.field(3, "name", &name)
        fields.field(4, "muted", &muted)
        fields.field(5, "width", &width)
        fields.field(6, "height", &height)
        fields.field(7, "simulcast", &simulcast)
        fields.field(8, "disable_dtx", &disableDtx)
        fields.field(9, "source", &source)
        fields.field(11, "mime_type", &mimeType)
        fields.field(12, "mid", &mid)
        fields.field(13, "codecs", &codecs)
        fields.field(14, "stereo", &stereo)
        fields.field(15, "disable_red", &disableRed)
        fields.field(16, "encryption", &encryption)
        fields.field(17, "stream", &stream)
        fields.field(18, "version", &version)
        fields.field(19, "audio_features", &audioFeatures)
        fields.field(20, "backup_codec_policy", &backupCodecPolicy)
    }
}

/// Announces a track before it is offered; `cid` equals the second token of the section's `a=msid`.
package struct AddTrackRequest: ProtobufMessage {
    package var cid = ""
    package var name = ""
    package var type = TrackType.audio
    package var width: UInt32 = 0
    package var height: UInt32 = 0
    package var muted = false
    package var disableDtx = false
    package var source = TrackSource.unknown
    package var simulcastCodecs: [SimulcastCodec] = []
    package var sid = ""
    package var stereo = false
    package var disableRed = false
    package var encryption = EncryptionType.none
    package var stream = ""
    package var backupCodecPolicy = BackupCodecPolicy.preferRegression
    package var audioFeatures: [AudioTrackFeature] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "cid", &cid)
        fields.field(2, "name", &name)
        fields.field(3, "type", &type)
        fields.field(4, "width", &width)
        fields.field(5, "height", &height)
        fields.field(6, "muted", &muted)
        fields.field(7, "disable_dtx", &disableDtx)
        fields.field(8, "source", &source)
        fields.field(10, "simulcast_codecs", &simulcastCodecs)
        fields.field(11, "sid", &sid)
        fields.field(12, "stereo", &stereo)
        fields.field(13, "disable_red", &disableRed)
        fields.field(14, "encryption", &encryption)
        fields.field(15, "stream", &stream)
        fields.field(16, "backup_codec_policy", &backupCodecPolicy)
        fields.field(17, "audio_features", &audioFeatures)
    }
}

/// Audio, video or data.
package struct TrackType: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let audio = Self(rawValue: 0)
    package static let video = Self(rawValue: 1)
    package static let data = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "AUDIO", 1: "VIDEO", 2: "DATA",
    ]
}

/// Where a track's content comes from. Agents listen to microphones only.
package struct TrackSource: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unknown = Self(rawValue: 0)
    package static let camera = Self(rawValue: 1)
    package static let microphone = Self(rawValue: 2)
    package static let screenShare = Self(rawValue: 3)
    package static let screenShareAudio = Self(rawValue: 4)

    package static let names: [Int32: String] = [
        0: "UNKNOWN", 1: "CAMERA", 2: "MICROPHONE", 3: "SCREEN_SHARE", 4: "SCREEN_SHARE_AUDIO",
    ]
}

/// End-to-end encryption of a track or packet (proto name `Encryption.Type`).
package struct EncryptionType: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let none = Self(rawValue: 0)
    package static let gcm = Self(rawValue: 1)
    package static let custom = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "NONE", 1: "GCM", 2: "CUSTOM",
    ]
}

/// Properties of an audio track.
package struct AudioTrackFeature: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let stereo = Self(rawValue: 0)
    package static let noDtx = Self(rawValue: 1)
    package static let autoGainControl = Self(rawValue: 2)
    package static let echoCancellation = Self(rawValue: 3)
    package static let noiseSuppression = Self(rawValue: 4)
    package static let enhancedNoiseCancellation = Self(rawValue: 5)
    package static let preconnectBuffer = Self(rawValue: 6)

    package static let names: [Int32: String] = [
        0: "TF_STEREO", 1: "TF_NO_DTX", 2: "TF_AUTO_GAIN_CONTROL", 3: "TF_ECHO_CANCELLATION", 4: "TF_NOISE_SUPPRESSION",
        5: "TF_ENHANCED_NOISE_CANCELLATION", 6: "TF_PRECONNECT_BUFFER",
    ]
}

/// What to do with a backup codec.
package struct BackupCodecPolicy: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let preferRegression = Self(rawValue: 0)
    package static let simulcast = Self(rawValue: 1)
    package static let regression = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "PREFER_REGRESSION", 1: "SIMULCAST", 2: "REGRESSION",
    ]
}

/// One codec of a track that is published in several.
package struct SimulcastCodec: ProtobufMessage {
    package var codec = ""
    package var cid = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "codec", &codec)
        fields.field(2, "cid", &cid)
    }
}

/// One codec of a published track.
package struct SimulcastCodecInfo: ProtobufMessage {
    package var mimeType = ""
    package var mid = ""
    package var cid = ""
    package var sdpCid = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "mime_type", &mimeType)
        fields.field(2, "mid", &mid)
        fields.field(3, "cid", &cid)
        fields.field(6, "sdp_cid", &sdpCid)
    }
}

/// The reply to `AddTrackRequest`, with the track's sid.
package struct TrackPublishedResponse: ProtobufMessage {
    package var cid = ""
    package var track: TrackInfo?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "cid", &cid)
        fields.field(2, "track", &track)
    }
}

/// The server took our track down.
package struct TrackUnpublishedResponse: ProtobufMessage {
    package var trackSid = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sid", &trackSid)
    }
}

/// Mutes or unmutes a track.
package struct MuteTrackRequest: ProtobufMessage {
    package var sid = ""
    package var muted = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sid", &sid)
        fields.field(2, "muted", &muted)
    }
}

/// Changes the features of our audio track.
package struct UpdateLocalAudioTrack: ProtobufMessage {
    package var trackSid = ""
    package var features: [AudioTrackFeature] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sid", &trackSid)
        fields.field(2, "features", &features)
    }
}

/// Our track has its first subscriber.
package struct TrackSubscribed: ProtobufMessage {
    package var trackSid = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sid", &trackSid)
    }
}
