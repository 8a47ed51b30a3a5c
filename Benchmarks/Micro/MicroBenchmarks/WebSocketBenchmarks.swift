internal import Glibc
internal import WebSocket
internal import Wire

/// Frames of WebSockets: in with a mask, out without one from a server and with one from a client.
var webSocketBenchmarks: [Benchmark] {
    let payload = [UInt8](repeating: 0x11, count: 640)
    return [
        Benchmark("websocket.receive.640B") {
            let pool = FrameBufferPool()
            let receiver = MessageReceiver(role: .server, maximumMessageBytes: 1 << 20)
            let listener = Listener()
            let frame = pool.frame(.binary, payload: payload.span.bytes, mask: 0x1234_5678)
            var wire = [UInt8](copying: frame.bytes)
            return {
                // The payload is unmasked where it lies, and masked again by the next round.
                wire.withMutableBytes { receiver.receive(&$0, to: listener) }
                keep(listener.bytes)
            }
        },
        Benchmark("websocket.frame.960B") {
            let pool = FrameBufferPool()
            let sound = [UInt8](repeating: 0x22, count: 960)
            return {
                let frame = pool.frame(.binary, payload: sound.span.bytes, mask: nil)
                keep(frame.count)
                pool.put(frame)
            }
        },
        Benchmark("websocket.frame.masked.640B") {
            let pool = FrameBufferPool()
            return {
                let frame = pool.frame(.binary, payload: payload.span.bytes, mask: 0x1234_5678)
                keep(frame.count)
                pool.put(frame)
            }
        },
        Benchmark("websocket.receive.text.1300B") {
            let pool = FrameBufferPool()
            let receiver = MessageReceiver(role: .client, maximumMessageBytes: 1 << 20)
            let listener = Listener()
            let text = [UInt8](repeating: UInt8(ascii: "a"), count: 1300)
            let frame = pool.frame(.text, payload: text.span.bytes, mask: nil)
            var wire = [UInt8](copying: frame.bytes)
            return {
                wire.withMutableBytes { receiver.receive(&$0, to: listener) }
                keep(listener.bytes)
            }
        },
    ]
}

/// Counts what it gets.
private final class Listener: MessageReceiverDelegate {
    var bytes = 0
    func received(message: RawSpan, isText: Bool) { bytes += message.byteCount }
    func received(ping: RawSpan) {}
    func received(pong: RawSpan) {}
    func received(close code: WebSocketCloseCode, reason: String) {}
    func violated(_ violation: WebSocketViolation) { fatalError("\(violation)") }
}
