internal import HTTP
internal import Wire

/// What people read when the gateway starts.
enum Banner {
    static func text(
        address: TransportAddress, roomServer: GatewayConfiguration.RoomServer, url: HTTPURL, hasPlayground: Bool,
        isSecure: Bool = false
    ) -> String {
        let reachable = DevServerBanner.reachable(address)
        let tls = isSecure ? "s" : ""
        let clients = "ws\(tls)://\(reachable)/ws"
        let page = hasPlayground ? "Open http\(tls)://\(reachable)/ in a browser and talk.\n" : ""
        guard case .development(_, let credentials) = roomServer else {
            return page + "VoiceGateway at \(clients), rooms at \(url.webSocketText).\n"
        }
        let room = TransportAddress(ip: .loopbackV4, port: url.origin.port)
        let settings =
            "LIVEKIT_URL=ws://\(room)"
            + (credentials == .development
                ? " LIVEKIT_API_KEY=\(credentials.key) LIVEKIT_API_SECRET=\(credentials.secret)"
                : " LIVEKIT_API_KEY=\(credentials.key) LIVEKIT_API_SECRET=…")
        return page + "VoiceGateway at \(clients). There is no LIVEKIT_URL, so rooms are inside this process.\n"
            + DevServerBanner.text(address: room, credentials: credentials)
                + """
                Try it:
                  VoiceGateway call \(clients) --play hello.wav --record reply.wav
                  \(settings) python agent.py dev
                  VoiceGateway token --room lobby --identity ann

                """
    }
}
