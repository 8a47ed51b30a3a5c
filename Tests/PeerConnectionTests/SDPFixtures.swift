/// Session descriptions that other stacks wrote.
enum SDPFixtures {
    /// aiortc 1.16: audio and data, every section with candidates of its own.
    static let aiortcOffer = """
        v=0
        o=- 4004258805 4004258805 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=group:BUNDLE 0 1
        a=msid-semantic:WMS *
        m=audio 57829 UDP/TLS/RTP/SAVPF 96 9 0 8
        c=IN IP4 192.0.2.2
        a=sendrecv
        a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=mid:0
        a=msid:bc5006e1-cb73-4bcf-b98b-14ec19d312e1 ccb6f654-3387-4f79-baf1-c2ecc549f7e0
        a=rtcp:9 IN IP4 0.0.0.0
        a=rtcp-mux
        a=ssrc:1465696255 cname:5be0ca8d-3d4f-43cd-bca2-2536f40a1375
        a=rtpmap:96 opus/48000/2
        a=rtpmap:9 G722/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=candidate:f957a2332b1715da3b0ef8ba684454eb 1 udp 2130706431 192.0.2.2 57829 typ host
        a=candidate:d0bcf3d9c29a2bc887618212a1623bfa 1 udp 2130706431 fd00::2 55177 typ host
        a=end-of-candidates
        a=ice-ufrag:AxjC
        a=ice-pwd:m0NGgIXsCFFI69LTNcmrk7
        a=fingerprint:sha-256 14:E5:D5:0F:7D:4E:10:27:E6:DC:E6:A6:FA:60:13:10:C6:C0:D9:D6:ED:5A:04:27:EE:4C:9A:D9:07:70:7D:D0
        a=fingerprint:sha-384 2D:AC:7C:13:F8:37:D1:76:A8:9D:98:BE:28:4F:4A:E7:36:A0:4B:0C:BA:14:9F:51:C6:55:DF:81:00:AF:66:39:7D:0E:77:EF:14:54:2A:57:E7:F0:84:4F:B2:9C:90:FB
        a=fingerprint:sha-512 87:64:6E:6F:81:85:F2:D1:F0:A1:FF:80:94:C8:40:AD:5C:F1:AF:6F:E8:49:2E:28:51:0C:C2:6B:F4:90:B1:C7:B1:E9:93:88:B7:D4:B1:A3:F0:1F:F1:DA:D4:3A:7B:5D:FC:6C:FB:26:9D:E2:0D:41:1E:AE:55:7A:31:40:26:62
        a=setup:actpass
        m=application 54608 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 192.0.2.2
        a=mid:1
        a=sctp-port:5000
        a=max-message-size:262144
        a=candidate:f957a2332b1715da3b0ef8ba684454eb 1 udp 2130706431 192.0.2.2 54608 typ host
        a=candidate:d0bcf3d9c29a2bc887618212a1623bfa 1 udp 2130706431 fd00::2 55567 typ host
        a=end-of-candidates
        a=ice-ufrag:AxjC
        a=ice-pwd:m0NGgIXsCFFI69LTNcmrk7
        a=fingerprint:sha-256 14:E5:D5:0F:7D:4E:10:27:E6:DC:E6:A6:FA:60:13:10:C6:C0:D9:D6:ED:5A:04:27:EE:4C:9A:D9:07:70:7D:D0
        a=fingerprint:sha-384 2D:AC:7C:13:F8:37:D1:76:A8:9D:98:BE:28:4F:4A:E7:36:A0:4B:0C:BA:14:9F:51:C6:55:DF:81:00:AF:66:39:7D:0E:77:EF:14:54:2A:57:E7:F0:84:4F:B2:9C:90:FB
        a=fingerprint:sha-512 87:64:6E:6F:81:85:F2:D1:F0:A1:FF:80:94:C8:40:AD:5C:F1:AF:6F:E8:49:2E:28:51:0C:C2:6B:F4:90:B1:C7:B1:E9:93:88:B7:D4:B1:A3:F0:1F:F1:DA:D4:3A:7B:5D:FC:6C:FB:26:9D:E2:0D:41:1E:AE:55:7A:31:40:26:62
        a=setup:actpass
        """

    /// livekit 1.1.21 for Python (libwebrtc): three of the seven sections of its first offer.
    static let liveKitOffer = """
        v=0
        o=- 8009201216447765317 2 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 3 6
        a=extmap-allow-mixed
        a=msid-semantic: WMS
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
        c=IN IP4 0.0.0.0
        a=rtcp:9 IN IP4 0.0.0.0
        a=ice-ufrag:H0Mc
        a=ice-pwd:lqdFh50waya34KuFBUvM+7Cf
        a=ice-options:trickle goog-sped-v1
        a=fingerprint:sha-256 94:05:15:5A:B2:69:11:A7:19:F9:47:B8:82:E3:B0:29:5C:76:13:09:84:7B:81:D8:C8:B9:4C:71:68:E2:AF:E8
        a=setup:actpass
        a=mid:0
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
        a=recvonly
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:111 opus/48000/2
        a=rtcp-fb:111 transport-cc
        a=fmtp:111 minptime=10;useinbandfec=1
        a=rtpmap:63 red/48000/2
        a=fmtp:63 111/111
        a=rtpmap:9 G722/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:13 CN/8000
        a=rtpmap:110 telephone-event/48000
        a=rtpmap:126 telephone-event/8000
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 115 116 117 118 39 40 45 46 98 99 100 101 119 120 121
        c=IN IP4 0.0.0.0
        a=rtcp:9 IN IP4 0.0.0.0
        a=ice-ufrag:H0Mc
        a=ice-pwd:lqdFh50waya34KuFBUvM+7Cf
        a=ice-options:trickle goog-sped-v1
        a=fingerprint:sha-256 94:05:15:5A:B2:69:11:A7:19:F9:47:B8:82:E3:B0:29:5C:76:13:09:84:7B:81:D8:C8:B9:4C:71:68:E2:AF:E8
        a=setup:actpass
        a=mid:3
        a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:13 urn:3gpp:video-orientation
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
        a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type
        a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/video-timing
        a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/color-space
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
        a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
        a=recvonly
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:96 VP8/90000
        a=rtcp-fb:96 goog-remb
        a=rtcp-fb:96 transport-cc
        a=rtcp-fb:96 ccm fir
        a=rtcp-fb:96 nack
        a=rtcp-fb:96 nack pli
        a=rtpmap:97 rtx/90000
        a=fmtp:97 apt=96
        a=rtpmap:103 H264/90000
        a=rtcp-fb:103 goog-remb
        a=rtcp-fb:103 transport-cc
        a=rtcp-fb:103 ccm fir
        a=rtcp-fb:103 nack
        a=rtcp-fb:103 nack pli
        a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
        a=rtpmap:104 rtx/90000
        a=fmtp:104 apt=103
        a=rtpmap:107 H264/90000
        a=rtcp-fb:107 goog-remb
        a=rtcp-fb:107 transport-cc
        a=rtcp-fb:107 ccm fir
        a=rtcp-fb:107 nack
        a=rtcp-fb:107 nack pli
        a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
        a=rtpmap:108 rtx/90000
        a=fmtp:108 apt=107
        a=rtpmap:109 H264/90000
        a=rtcp-fb:109 goog-remb
        a=rtcp-fb:109 transport-cc
        a=rtcp-fb:109 ccm fir
        a=rtcp-fb:109 nack
        a=rtcp-fb:109 nack pli
        a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
        a=rtpmap:114 rtx/90000
        a=fmtp:114 apt=109
        a=rtpmap:115 H264/90000
        a=rtcp-fb:115 goog-remb
        a=rtcp-fb:115 transport-cc
        a=rtcp-fb:115 ccm fir
        a=rtcp-fb:115 nack
        a=rtcp-fb:115 nack pli
        a=fmtp:115 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
        a=rtpmap:116 rtx/90000
        a=fmtp:116 apt=115
        a=rtpmap:117 H264/90000
        a=rtcp-fb:117 goog-remb
        a=rtcp-fb:117 transport-cc
        a=rtcp-fb:117 ccm fir
        a=rtcp-fb:117 nack
        a=rtcp-fb:117 nack pli
        a=fmtp:117 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
        a=rtpmap:118 rtx/90000
        a=fmtp:118 apt=117
        a=rtpmap:39 H264/90000
        a=rtcp-fb:39 goog-remb
        a=rtcp-fb:39 transport-cc
        a=rtcp-fb:39 ccm fir
        a=rtcp-fb:39 nack
        a=rtcp-fb:39 nack pli
        a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f
        a=rtpmap:40 rtx/90000
        a=fmtp:40 apt=39
        a=rtpmap:45 AV1/90000
        a=rtcp-fb:45 goog-remb
        a=rtcp-fb:45 transport-cc
        a=rtcp-fb:45 ccm fir
        a=rtcp-fb:45 nack
        a=rtcp-fb:45 nack pli
        a=fmtp:45 level-idx=5;profile=0;tier=0
        a=rtpmap:46 rtx/90000
        a=fmtp:46 apt=45
        a=rtpmap:98 VP9/90000
        a=rtcp-fb:98 goog-remb
        a=rtcp-fb:98 transport-cc
        a=rtcp-fb:98 ccm fir
        a=rtcp-fb:98 nack
        a=rtcp-fb:98 nack pli
        a=fmtp:98 profile-id=0
        a=rtpmap:99 rtx/90000
        a=fmtp:99 apt=98
        a=rtpmap:100 VP9/90000
        a=rtcp-fb:100 goog-remb
        a=rtcp-fb:100 transport-cc
        a=rtcp-fb:100 ccm fir
        a=rtcp-fb:100 nack
        a=rtcp-fb:100 nack pli
        a=fmtp:100 profile-id=2
        a=rtpmap:101 rtx/90000
        a=fmtp:101 apt=100
        a=rtpmap:119 red/90000
        a=rtpmap:120 rtx/90000
        a=fmtp:120 apt=119
        a=rtpmap:121 ulpfec/90000
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        a=ice-ufrag:H0Mc
        a=ice-pwd:lqdFh50waya34KuFBUvM+7Cf
        a=ice-options:trickle goog-sped-v1
        a=fingerprint:sha-256 94:05:15:5A:B2:69:11:A7:19:F9:47:B8:82:E3:B0:29:5C:76:13:09:84:7B:81:D8:C8:B9:4C:71:68:E2:AF:E8
        a=setup:actpass
        a=mid:6
        a=sctp-port:5000
        a=max-message-size:262144
        a=sctp-init:AQAAHgggzIgAUAAA/////y8iSKPAAAAEgAgABoLA
        """

    /// The form of a pion server: fingerprint at session level, `a=msid` behind the sources, candidates twice.
    static let pionAnswer = """
        v=0
        o=- 4215775240449105457 1741340384 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=msid-semantic:WMS*
        a=fingerprint:sha-256 0F:74:31:25:CB:A2:13:EC:28:6F:6D:2C:61:FF:5D:C2:BC:B9:DB:3D:98:14:8D:1A:BB:EA:33:0C:A4:60:A8:8E
        a=ice-lite
        a=extmap-allow-mixed
        a=group:BUNDLE 0 1
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63
        c=IN IP4 0.0.0.0
        a=setup:active
        a=mid:0
        a=ice-ufrag:AbCdEfGhIjKlMnOp
        a=ice-pwd:ZyXwVuTsRqPoNmLkJiHgFeDcBa012345
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:111 opus/48000/2
        a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1
        a=rtcp-fb:111 nack
        a=rtpmap:63 red/48000/2
        a=fmtp:63 111/111
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=ssrc:2865001987 cname:PA_AbCdEf|TR_XyZ
        a=ssrc:2865001987 msid:PA_AbCdEf|TR_XyZ TR_XyZ
        a=ssrc:2865001987 mslabel:PA_AbCdEf|TR_XyZ
        a=ssrc:2865001987 label:TR_XyZ
        a=msid:PA_AbCdEf|TR_XyZ TR_XyZ
        a=sendrecv
        a=candidate:3827974483 1 udp 2130706431 192.0.2.10 50001 typ host ufrag AbCdEfGhIjKlMnOp
        a=candidate:3827974483 2 udp 2130706431 192.0.2.10 50001 typ host ufrag AbCdEfGhIjKlMnOp
        a=candidate:604015233 1 tcp 1671430143 192.0.2.10 7881 typ host tcptype passive
        a=end-of-candidates
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        a=setup:active
        a=mid:1
        a=sendrecv
        a=sctp-port:5000
        a=max-message-size:65535
        a=ice-ufrag:AbCdEfGhIjKlMnOp
        a=ice-pwd:ZyXwVuTsRqPoNmLkJiHgFeDcBa012345
        """

    /// All of them by their writer's name.
    static let all = ["aiortc": aiortcOffer, "libwebrtc": liveKitOffer, "pion": pionAnswer]

    /// With the line ends that a description has on the wire.
    static func wire(_ text: String) -> String { text.split(separator: "\n").joined(separator: "\r\n") + "\r\n" }
}
