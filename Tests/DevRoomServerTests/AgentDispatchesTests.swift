import Signalling
import Testing
import Wire

@testable import DevRoomServer

@Suite("Agent dispatches")
struct AgentDispatchesTests {
    /// The dispatcher in virtual time.
    struct Fixture {
        var agents: AgentDispatches
        var time = ServerTime(now: .zero, unixMilliseconds: 1_700_000_000_000)
        let room = RoomInfo.with {
            $0.name = "lobby"
            $0.sid = "RM_1"
        }

        init(isParrotEnabled: Bool = true) {
            agents = AgentDispatches(
                server: ServerDescription(nodeID: "ND_test"), isParrotEnabled: isParrotEnabled,
                random: SystemRandomNumberGenerator())
        }

        mutating func take() -> [AgentOutput] {
            var outputs: [AgentOutput] = []
            while let output = agents.poll() { outputs.append(output) }
            return outputs
        }

        mutating func register(_ id: String, name: String, type: JobType = .room) {
            agents.register(
                worker: id,
                .with {
                    $0.agentName = name
                    $0.type = type
                }, time)
        }

        mutating func dispatch(_ name: String) throws -> AgentDispatch {
            try agents.create(
                .with {
                    $0.agentName = name
                    $0.room = "lobby"
                    $0.metadata = "{}"
                }, in: room, time)
        }

        mutating func accept(_ job: Job?, by worker: String) {
            agents.receive(
                .availability(
                    .with {
                        $0.jobId = job?.id ?? ""
                        $0.available = true
                    }), from: worker, time)
        }

        mutating func advance(_ duration: Duration) {
            time.now += duration
            agents.handleTimeout(time)
        }
    }

    static func offers(_ outputs: [AgentOutput]) -> [(worker: String, job: Job)] {
        outputs.compactMap { output in
            guard case .send(.availability(let request), let worker) = output, let job = request.job else { return nil }
            return (worker, job)
        }
    }

    @Test("a registered worker is offered the job, with everything its process needs")
    func offer() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        guard case .send(.register(let response), "AW_1") = fixture.take().first else {
            Issue.record("the first message is not the registration")
            return
        }
        #expect(response.workerId == "AW_1" && response.serverInfo?.agentProtocol == 1)
        let dispatch = try fixture.dispatch("helper")
        #expect(dispatch.id.hasPrefix("AD_"))
        let outputs = fixture.take()
        let offer = try #require(Self.offers(outputs).first)
        #expect(offer.worker == "AW_1")
        #expect(offer.job.id.hasPrefix("AJ_") && offer.job.dispatchId == dispatch.id)
        #expect(offer.job.room?.sid == "RM_1" && offer.job.metadata == "{}")
        #expect(offer.job.state?.status == .running && offer.job.state?.workerId == "AW_1")
    }

    @Test("who accepts gets the job under the usual identity")
    func acceptance() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        let job = try #require(Self.offers(outputs).first?.job)
        fixture.agents.receive(
            .availability(
                .with {
                    $0.jobId = job.id
                    $0.available = true
                }), from: "AW_1", fixture.time)
        guard case .assign(let assigned, let answer, _, "AW_1") = fixture.take().first else {
            Issue.record("no assignment")
            return
        }
        #expect(assigned.id == job.id)
        #expect(answer.participantIdentity == "agent-" + job.id)
    }

    @Test("who refuses is not asked again; the next one is")
    func refusal() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        fixture.register("AW_2", name: "helper")
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        let first = try #require(Self.offers(outputs).first)
        fixture.agents.receive(.availability(.with { $0.jobId = first.job.id }), from: first.worker, fixture.time)
        let laterOutputs = fixture.take()
        let second = try #require(Self.offers(laterOutputs).first)
        #expect(second.worker != first.worker)
        fixture.agents.receive(.availability(.with { $0.jobId = first.job.id }), from: second.worker, fixture.time)
        let lastOutputs = fixture.take()
        #expect(lastOutputs.isEmpty)
        fixture.advance(.seconds(60))
        let finalOutputs = fixture.take()
        #expect(finalOutputs.isEmpty)
    }

    @Test("a worker that does not answer loses the job to the next")
    func silence() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        fixture.register("AW_2", name: "helper")
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        let first = try #require(Self.offers(outputs).first)
        fixture.advance(.seconds(10))
        let laterOutputs = fixture.take()
        #expect(Self.offers(laterOutputs).first?.worker != first.worker)
    }

    @Test("a worker whose connection ends loses its offers")
    func lostWorker() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        _ = try fixture.dispatch("helper")
        _ = fixture.take()
        fixture.agents.remove(worker: "AW_1", fixture.time)
        fixture.register("AW_2", name: "helper")
        let outputs = fixture.take()
        #expect(Self.offers(outputs).first?.worker == "AW_2")
    }

    @Test("without a worker of that name the parrot comes after 0.3 seconds")
    func parrot() throws {
        var fixture = Fixture()
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        #expect(outputs.isEmpty)
        #expect(fixture.agents.nextDeadline == .zero + .milliseconds(300))
        fixture.advance(.milliseconds(300))
        guard case .startParrot(let job) = fixture.take().first else {
            Issue.record("no parrot")
            return
        }
        #expect(job.state?.participantIdentity == "agent-" + job.id)
    }

    @Test("a worker that registers in time keeps the parrot away")
    func workerInTime() throws {
        var fixture = Fixture()
        _ = try fixture.dispatch("helper")
        fixture.advance(.milliseconds(200))
        fixture.register("AW_1", name: "helper")
        let outputs = fixture.take()
        #expect(Self.offers(outputs).count == 1)
        fixture.advance(.milliseconds(200))
        let laterOutputs = fixture.take()
        #expect(laterOutputs.isEmpty)
    }

    static func parrots(started outputs: [AgentOutput]) -> [String] {
        outputs.compactMap { if case .startParrot(let job) = $0 { job.id } else { nil } }
    }

    static func parrots(stopped outputs: [AgentOutput]) -> [String] {
        outputs.compactMap { if case .stopParrot(let job) = $0 { job } else { nil } }
    }

    @Test("a worker without a name that has the room keeps the parrot away: one voice answers")
    func namelessWorkerInTime() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "")
        fixture.agents.roomCreated(fixture.room, agents: [], fixture.time)
        let offered = fixture.take()
        _ = try fixture.dispatch("helper")
        // The worker takes its time, longer than the parrot waits.
        fixture.advance(.seconds(1))
        #expect(fixture.take().isEmpty)
        fixture.accept(Self.offers(offered).first?.job, by: "AW_1")
        fixture.advance(.seconds(60))
        #expect(Self.parrots(started: fixture.take()).isEmpty)
    }

    @Test("the parrot comes after all when the worker without a name refuses the room")
    func namelessWorkerRefuses() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "")
        fixture.agents.roomCreated(fixture.room, agents: [], fixture.time)
        let job = Self.offers(fixture.take()).first?.job
        let dispatch = try fixture.dispatch("helper")
        fixture.advance(.seconds(1))
        fixture.agents.receive(.availability(.with { $0.jobId = job?.id ?? "" }), from: "AW_1", fixture.time)
        fixture.advance(.seconds(10))
        let parrots = Self.parrots(started: fixture.take())
        #expect(parrots.count == 1)
        #expect(fixture.agents.list(room: "lobby", id: dispatch.id).first?.state?.jobs.map(\.id) == parrots)
    }

    @Test("the parrot leaves when a worker takes the room late, whatever its name", arguments: ["", "helper"])
    func lateWorker(name: String) throws {
        var fixture = Fixture()
        fixture.agents.roomCreated(fixture.room, agents: [], fixture.time)
        _ = try fixture.dispatch("helper")
        fixture.advance(.seconds(1))
        let parrot = Self.parrots(started: fixture.take())
        #expect(parrot.count == 1)
        fixture.register("AW_1", name: name)
        let offered = fixture.take()
        // Not before the worker has agreed: until then somebody has to answer.
        #expect(Self.parrots(stopped: offered).isEmpty)
        fixture.accept(Self.offers(offered).first?.job, by: "AW_1")
        let outputs = fixture.take()
        #expect(Self.parrots(stopped: outputs) == parrot)
        guard case .stopParrot = outputs.first, case .assign = outputs.last else {
            Issue.record("the worker is sent before the parrot has left")
            return
        }
        fixture.advance(.seconds(60))
        #expect(Self.parrots(started: fixture.take()).isEmpty)
    }

    @Test("the parrot stays when a late worker refuses the room")
    func lateWorkerRefuses() throws {
        var fixture = Fixture()
        let dispatch = try fixture.dispatch("helper")
        fixture.advance(.seconds(1))
        #expect(Self.parrots(started: fixture.take()).count == 1)
        fixture.register("AW_1", name: "helper")
        let job = Self.offers(fixture.take()).first?.job
        fixture.agents.receive(.availability(.with { $0.jobId = job?.id ?? "" }), from: "AW_1", fixture.time)
        #expect(Self.parrots(stopped: fixture.take()).isEmpty)
        let listed = fixture.agents.list(room: "lobby", id: dispatch.id).first?.state?.jobs.first?.state
        #expect(listed?.status == .running && listed?.workerId == AgentDispatches.parrotWorkerID)
    }

    @Test("a parrot that leaves the room by itself has done its job")
    func parrotLeaves() throws {
        var fixture = Fixture()
        let dispatch = try fixture.dispatch("helper")
        fixture.advance(.seconds(1))
        let parrot = try #require(Self.parrots(started: fixture.take()).first)
        fixture.agents.participantLeft("lobby", identity: "agent-" + parrot, fixture.time)
        #expect(fixture.agents.list(room: "lobby", id: dispatch.id).first?.state?.jobs.first?.state?.status == .success)
    }

    @Test("a server without a parrot waits for a worker instead")
    func noParrot() throws {
        var fixture = Fixture(isParrotEnabled: false)
        _ = try fixture.dispatch("helper")
        fixture.advance(.seconds(5))
        let outputs = fixture.take()
        #expect(outputs.isEmpty)
        fixture.register("AW_1", name: "helper")
        let laterOutputs = fixture.take()
        #expect(Self.offers(laterOutputs).count == 1)
    }

    @Test("workers without a name get every new room, and rooms that wait for them")
    func automatic() {
        var fixture = Fixture()
        fixture.agents.roomCreated(fixture.room, agents: [], fixture.time)
        fixture.advance(.seconds(1))
        let outputs = fixture.take()
        #expect(outputs.isEmpty)
        fixture.register("AW_1", name: "")
        let laterOutputs = fixture.take()
        #expect(Self.offers(laterOutputs).count == 1)
        fixture.agents.roomCreated(.with { $0.name = "other" }, agents: [], fixture.time)
        let lastOutputs = fixture.take()
        #expect(Self.offers(lastOutputs).first?.job.room?.name == "other")
    }

    @Test("a room with agents of its own does not get the unnamed ones")
    func configuredAgents() {
        var fixture = Fixture()
        fixture.register("AW_1", name: "")
        _ = fixture.take()
        fixture.agents.roomCreated(fixture.room, agents: [.with { $0.agentName = "helper" }], fixture.time)
        let outputs = fixture.take()
        #expect(Self.offers(outputs).isEmpty)
        #expect(fixture.agents.list(room: "lobby", id: "").map(\.agentName) == ["helper"])
    }

    @Test("workers for publishers get a job when somebody publishes")
    func publisherJob() throws {
        var fixture = Fixture()
        fixture.agents.roomCreated(fixture.room, agents: [], fixture.time)
        fixture.register("AW_1", name: "", type: .publisher)
        _ = fixture.take()
        fixture.agents.participantPublished(fixture.room, .with { $0.identity = "ann" }, fixture.time)
        let outputs = fixture.take()
        let offer = try #require(Self.offers(outputs).first)
        #expect(offer.job.type == .publisher && offer.job.participant?.identity == "ann")
        fixture.agents.participantPublished(fixture.room, .with { $0.kind = .agent }, fixture.time)
        let laterOutputs = fixture.take()
        #expect(laterOutputs.isEmpty)
    }

    @Test("deleting a dispatch and closing the room end its jobs")
    func deletion() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        let dispatch = try fixture.dispatch("helper")
        let outputs = fixture.take()
        let job = try #require(Self.offers(outputs).first?.job)
        let elsewhere = fixture.agents.delete(dispatch.id, room: "elsewhere", fixture.time)
        #expect(elsewhere == nil)
        let here = fixture.agents.delete(dispatch.id, room: "lobby", fixture.time)
        let deleted = try #require(here)
        #expect(deleted.state?.jobs.first?.id == job.id && deleted.state?.deletedAt != 0)
        let laterOutputs = fixture.take()
        #expect(laterOutputs == [.send(.termination(.with { $0.jobId = job.id }), to: "AW_1")])
        _ = try fixture.dispatch("parrot")
        fixture.advance(.seconds(1))
        _ = fixture.take()
        fixture.agents.roomClosed("lobby", fixture.time)
        let lastOutputs = fixture.take()
        #expect(lastOutputs.contains { if case .stopParrot = $0 { true } else { false } })
        #expect(fixture.agents.list(room: "lobby", id: "").isEmpty)
    }

    @Test("when the agent leaves the room its worker is told to end the job")
    func agentLeaves() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        let job = try #require(Self.offers(outputs).first?.job)
        fixture.agents.receive(
            .availability(
                .with {
                    $0.jobId = job.id
                    $0.available = true
                }), from: "AW_1", fixture.time)
        _ = fixture.take()
        fixture.agents.participantLeft("lobby", identity: "agent-" + job.id, fixture.time)
        let laterOutputs = fixture.take()
        #expect(laterOutputs == [.send(.termination(.with { $0.jobId = job.id }), to: "AW_1")])
        #expect(fixture.agents.list(room: "lobby", id: "").first?.state?.jobs.first?.state?.status == .failed)
    }

    @Test("a dispatch is listed without a job until a worker has taken it")
    func untakenJob() throws {
        var fixture = Fixture(isParrotEnabled: false)
        func listed() -> [JobState?]? { fixture.agents.list(room: "lobby", id: "").first?.state?.jobs.map(\.state) }
        #expect(try fixture.dispatch("helper").state?.jobs == [])
        #expect(listed() == [])
        fixture.register("AW_1", name: "helper")
        let job = Self.offers(fixture.take()).first?.job
        #expect(job != nil && listed() == [])
        fixture.accept(job, by: "AW_1")
        #expect(listed()?.first??.status == .running && listed()?.first??.workerId == "AW_1")
    }

    @Test("a full or loaded worker is passed over")
    func load() throws {
        var fixture = Fixture()
        fixture.register("AW_1", name: "helper")
        fixture.agents.receive(.updateWorker(.with { $0.status = .full }), from: "AW_1", fixture.time)
        _ = try fixture.dispatch("helper")
        let outputs = fixture.take()
        #expect(Self.offers(outputs).isEmpty)
        fixture.agents.receive(.updateWorker(.with { $0.status = .available }), from: "AW_1", fixture.time)
        let laterOutputs = fixture.take()
        #expect(Self.offers(laterOutputs).count == 1)
    }
}
