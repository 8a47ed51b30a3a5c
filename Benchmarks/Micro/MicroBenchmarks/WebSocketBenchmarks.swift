internal import Glibc
internal import WebSocket

/// Frames of WebSockets: in with a mask, out without one from a server and with one from a client.
var webSocketBenchmarks: [Benchmark] {
    let payload = [UInt8](repeating: 0x11, count: 640)
    return [
        Benchmark("websocket.receive.640B") {
            let pool = FrameBufferPool()
            let receiver = MessageReceiver(role: .server, maximumMessageBytes: 1 << 20)
            let listener = Listener()
            let frame = payload.withUnsafeBytes { pool.frame(.binary, payload: $0, mask: 0x1234_5678) }
            let wire = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 16)
            wire.copyMemory(from: frame.bytes)
            return {
                // The payload is unmasked where it lies, and masked again by the next round.
                receiver.receive(wire, to: listener)
                keep(listener.bytes)
            }
        },
        Benchmark("websocket.frame.960B") {
            let pool = FrameBufferPool()
            let sound = [UInt8](repeating: 0x22, count: 960)
            return {
                let frame = sound.withUnsafeBytes { pool.frame(.binary, payload: $0, mask: nil) }
                keep(frame.count)
                pool.put(frame)
            }
        },
        Benchmark("websocket.frame.masked.640B") {
            let pool = FrameBufferPool()
            return {
                let frame = payload.withUnsafeBytes { pool.frame(.binary, payload: $0, mask: 0x1234_5678) }
                keep(frame.count)
                pool.put(frame)
            }
        },
        Benchmark("websocket.receive.text.1300B") {
            let pool = FrameBufferPool()
            let receiver = MessageReceiver(role: .client, maximumMessageBytes: 1 << 20)
            let listener = Listener()
            let text = [UInt8](repeating: UInt8(ascii: "a"), count: 1300)
            let frame = text.withUnsafeBytes { pool.frame(.text, payload: $0, mask: nil) }
            let wire = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 16)
            wire.copyMemory(from: frame.bytes)
            return {
                receiver.receive(wire, to: listener)
                keep(listener.bytes)
            }
        },
    ]
}

/// Counts what it gets.
private final class Listener: MessageReceiverDelegate {
    var bytes = 0
    func received(message: UnsafeRawBufferPointer, isText: Bool) { bytes += message.count }
    func received(ping: UnsafeRawBufferPointer) {}
    func received(pong: UnsafeRawBufferPointer) {}
    func received(close code: WebSocketCloseCode, reason: String) {}
    func violated(_ violation: WebSocketViolation) { fatalError("\(violation)") }
}
