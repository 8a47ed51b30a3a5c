internal import EventLoops
internal import Observability
internal import Wire

/// The loops of a gateway that serves.
struct ServingLoops: Sendable {
    /// Where clients connect, with the port that the system chose; nil when sockets of the service manager alone are used.
    let address: TransportAddress?
    /// All places where they do, for people.
    let places: [String]
    /// Where the operator does, if not at the same place.
    private(set) var adminAddress: TransportAddress?
    private let loops: [(EventLoop, LoopBound<GatewayLoop>)]

    var count: Int { loops.count }

    /// Begins to listen, on all loops at the same places.
    ///
    /// - Parameters:
    ///   - address: nil for at `sockets` alone.
    ///   - sockets: that all loops share.
    static func listen(
        on eventLoops: [EventLoop], at address: TransportAddress?, sharing sockets: [ListeningSocket],
        _ environment: GatewayEnvironment
    ) async throws(EventLoopError) -> ServingLoops {
        var address = address
        var loops: [(EventLoop, LoopBound<GatewayLoop>)] = []
        var adminAddress: TransportAddress?
        do throws(EventLoopError) {
            for (index, loop) in eventLoops.enumerated() {
                let asked = address
                let (gatewayLoop, bound) = try await loop.run { () throws(EventLoopError) in
                    let gatewayLoop = GatewayLoop(
                        loop: loop, index: index, environment: environment, endpoints: Endpoints.make)
                    for socket in sockets { try gatewayLoop.listen(sharing: socket) }
                    let bound = try asked.map { asked throws(EventLoopError) in try gatewayLoop.listen(at: asked) }
                    return (LoopBound(gatewayLoop, on: loop), bound)
                }
                address = bound
                loops.append((loop, gatewayLoop))
            }
            if let asked = environment.configuration.admin.listenAddress, let (loop, first) = loops.first {
                adminAddress = try await loop.run { () throws(EventLoopError) in
                    try first.value.listen(forOperatorAt: asked)
                }
            }
        } catch {
            await ServingLoops(address: address, places: [], loops: loops).drain()
            throw error
        }
        let all = loops
        let places = (address.map { ["\($0)"] } ?? []) + sockets.map(\.place)
        let serving = ServingLoops(address: address, places: places, adminAddress: adminAddress, loops: all)
        await serving.each { $0.gatewayLoops = all }
        return serving
    }

    /// Does something on each loop, one after the other.
    func each(_ body: @escaping @Sendable (GatewayLoop) -> Void) async {
        for (loop, gatewayLoop) in loops { await loop.run { body(gatewayLoop.value) } }
    }

    /// Answers what operators ask of this process at other gateways.
    func answers(_ environment: GatewayEnvironment) -> Fleet.Responder {
        let process = ProcessAnswers(environment: environment, loops: loops)
        return { process.answer($0, on: $1, completion: $2) }
    }

    /// Asks the room server whether it takes our keys; returns why not, and by how many seconds its clock is ahead.
    func checkRoomServer() async -> (fault: RoomServerFault?, clockOffset: Int64?) {
        guard let (loop, gatewayLoop) = loops.first else { return (nil, nil) }
        return await withCheckedContinuation { continuation in
            loop.execute { gatewayLoop.value.checkRoomServer { continuation.resume(returning: ($0, $1)) } }
        }
    }

    /// Tells all clients that the gateway goes, and returns when they have gone.
    func drain() async {
        await withTaskGroup(of: Void.self) { group in
            for (loop, gatewayLoop) in loops {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        loop.execute { gatewayLoop.value.drain { continuation.resume() } }
                    }
                }
            }
        }
    }
}
