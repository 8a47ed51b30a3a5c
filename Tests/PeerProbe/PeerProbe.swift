import EventLoops
import Wire

/// One peer connection with a socket, steered by an interop test: a JSON command a line on standard input, JSON
/// events on standard output. Commands are described at `Probe.perform`.
@main
struct PeerProbe {
    static func main() throws {
        let loop = try EventLoop(name: "probe")
        try loop.start()
        let holder = Holder()
        loop.execute {
            do { holder.probe = try Probe(loop: loop) } catch { Probe.report("error", ["text": .string("\(error)")]) }
        }
        while let line = readLine() {
            loop.execute { holder.probe?.perform(line) }
        }
        loop.execute {
            holder.probe?.close()
            holder.probe = nil
        }
        loop.stop()
        let leftovers = loop.join()
        Probe.report("ended", ["leftovers": .array(leftovers.map { .string($0) })])
    }

    // SAFETY: what it holds is made, used and released on the loop only.
    private final class Holder: @unchecked Sendable {
        var probe: Probe?
    }
}
