import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("Why no agent has come")
struct AgentAbsenceTests {
    private static func dispatch(
        _ agent: String = "clerk", at created: Int64 = 1, isDeleted: Bool = false, jobs: [JobState] = []
    ) -> AgentDispatch {
        .with {
            $0.agentName = agent
            $0.state = .with {
                $0.createdAt = created
                $0.deletedAt = isDeleted ? created + 1 : 0
                $0.jobs = jobs.map { state in
                    .with {
                        $0.id = "AJ_1"
                        $0.state = state
                    }
                }
            }
        }
    }

    private static func job(_ status: JobStatus, worker: String = "AW_1", error: String = "", at start: Int64 = 1)
        -> JobState
    {
        .with {
            $0.status = status
            $0.workerId = worker
            $0.error = error
            $0.startedAt = start
        }
    }

    @Test(
        "a dispatch without a taken job: no worker, and no more is known", arguments: [[], [job(.pending, worker: "")]])
    func notTaken(jobs: [JobState]) {
        let absence = AgentAbsence(
            of: "clerk", among: [Self.dispatch(jobs: jobs), Self.dispatch("other", jobs: [Self.job(.failed)])])
        #expect(absence == .notTaken(agent: "clerk"))
        #expect(absence.failure.blame == .operator && absence.failure.isRetryable)
    }

    @Test("no dispatch of that name, or one that was taken back: nobody is asked")
    func notAsked() {
        let others = [Self.dispatch("other"), Self.dispatch(isDeleted: true, jobs: [Self.job(.running)])]
        #expect(AgentAbsence(of: "clerk", among: others) == .notAsked(agent: "clerk"))
    }

    @Test(
        "a taken job: what became of it, as far as its state says",
        arguments: [
            (JobStatus.running, AgentAbsence.notJoined(agent: "clerk", job: "AJ_1", worker: "AW_1"), true),
            (.pending, .notJoined(agent: "clerk", job: "AJ_1", worker: "AW_1"), true),
            (.failed, .failed(agent: "clerk", job: "AJ_1", worker: "AW_1", error: ""), true),
            (.success, .declined(agent: "clerk", job: "AJ_1", worker: "AW_1"), false),
            (JobStatus(rawValue: 99), .notJoined(agent: "clerk", job: "AJ_1", worker: "AW_1"), true),
        ])
    func taken(status: JobStatus, absence: AgentAbsence, isRetryable: Bool) {
        let found = AgentAbsence(of: "clerk", among: [Self.dispatch(jobs: [Self.job(status)])])
        #expect(found == absence && found.failure.isRetryable == isRetryable)
        #expect(found.failure.summary.contains("\"clerk\"") && !found.failure.summary.contains("AW_1"))
        #expect(found.failure.detail.contains("AJ_1") && found.failure.detail.contains("AW_1"))
    }

    @Test("the latest dispatch counts, and its latest job")
    func latest() {
        let jobs = [Self.job(.running, worker: "AW_2", at: 5), Self.job(.failed, at: 4)]
        let dispatches = [Self.dispatch(at: 2, jobs: jobs), Self.dispatch(at: 1, jobs: [Self.job(.failed)])]
        let absence = AgentAbsence(of: "clerk", among: dispatches)
        #expect(absence == .notJoined(agent: "clerk", job: "AJ_1", worker: "AW_2"))
    }

    @Test("a worker's own words are not kept without end, and neither told nor logged")
    func words() {
        let error = String(repeating: "x", count: 5000)
        let absence = AgentAbsence(of: "clerk", among: [Self.dispatch(jobs: [Self.job(.failed, error: error)])])
        guard case .failed(_, _, _, let kept) = absence else {
            Issue.record("\(absence)")
            return
        }
        #expect(kept.count == 200 && !absence.failure.summary.contains("xx") && !absence.failure.detail.contains("xx"))
    }
}
