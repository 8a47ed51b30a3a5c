internal import RESP
internal import Wire

/// What Redis does at once, in Lua: each command of a `FleetLedger`, and each question, is one script, so nothing comes between its
/// steps.
///
/// `voicegateway:gateways` is a sorted set of gateways by the time at which their lease ends, in milliseconds of Redis's own clock;
/// `voicegateway:held:<gateway>` is a hash of what a gateway holds, which expires with the lease;
/// `voicegateway:to:<gateway>` is the channel to which a gateway listens.
enum FleetScripts {
    private static let prefix = "voicegateway:"

    private static let beginning = """
        local me, lease = ARGV[1], tonumber(ARGV[2])
        local gateways, mine = KEYS[1], KEYS[2]
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        redis.call('ZREMRANGEBYSCORE', gateways, '-inf', now)
        redis.call('ZADD', gateways, now + lease, me)

        """

    private static let hold =
        beginning + """
            for i = 3, #ARGV, 2 do
              local limit, sum = tonumber(ARGV[i + 1]), 0
              if limit > 0 then
                for _, gateway in ipairs(redis.call('ZRANGE', gateways, 0, -1)) do
                  sum = sum + tonumber(redis.call('HGET', 'voicegateway:held:' .. gateway, ARGV[i]) or 0)
                end
                if sum >= limit then return (i - 1) / 2 end
              end
            end
            for i = 3, #ARGV, 2 do redis.call('HINCRBY', mine, ARGV[i], 1) end
            redis.call('PEXPIRE', mine, lease)
            return 0
            """

    private static let release =
        beginning + """
            for i = 3, #ARGV do
              if redis.call('HINCRBY', mine, ARGV[i], -1) <= 0 then redis.call('HDEL', mine, ARGV[i]) end
            end
            redis.call('PEXPIRE', mine, lease)
            return 0
            """

    private static let replace =
        beginning + """
            redis.call('DEL', mine)
            for i = 3, #ARGV, 2 do redis.call('HSET', mine, ARGV[i], ARGV[i + 1]) end
            redis.call('PEXPIRE', mine, lease)
            return 0
            """

    private static let renew = beginning + "return 1 - redis.call('PEXPIRE', mine, lease)"

    private static let ask =
        beginning + """
            local asked = {}
            for _, gateway in ipairs(redis.call('ZRANGE', gateways, 0, -1)) do
              if gateway ~= me and (ARGV[4] == '' or ARGV[4] == gateway) then
                asked[#asked + 1] = gateway
                asked[#asked + 1] = redis.call('PUBLISH', 'voicegateway:to:' .. gateway, ARGV[3])
              end
            end
            return asked
            """

    private static let leave = "redis.call('ZREM', KEYS[1], ARGV[1]) redis.call('DEL', KEYS[2]) return 0"

    /// The words of a command.
    static func words(_ command: FleetLedger.Command, gateway: String) -> [String] {
        switch command {
        case .hold(let wishes): call(hold, gateway, wishes.flatMap { [$0.field, "\($0.limit ?? 0)"] })
        case .release(let fields): call(release, gateway, fields)
        case .replace(let held): call(replace, gateway, held.flatMap { [$0.key, "\($0.value)"] })
        case .renew: call(renew, gateway, [])
        }
    }

    /// Forget a gateway that goes.
    static func leavingWords(gateway: String) -> [String] { call(leave, gateway, []) }

    static func channel(of gateway: String) -> String { prefix + "to:" + gateway }

    /// Publish a question to all gateways whose leases run, or to one.
    ///
    /// - Parameter target: nil for all others.
    static func asking(_ sealed: [UInt8], of target: String?, gateway: String) -> [[UInt8]] {
        call(ask, gateway, []).map { Array($0.utf8) } + [sealed, Array((target ?? "").utf8)]
    }

    /// Whom a question has been sent to, and whether somebody listens there; nil when it could not be done.
    static func receivers(_ value: RESPValue) -> [(gateway: String, isReached: Bool)]? {
        guard let values = value.array, values.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { place in
            (values[place].text ?? "", values[place + 1].integer ?? 0 > 0)
        }
    }

    private static func call(_ script: String, _ gateway: String, _ arguments: [String]) -> [String] {
        let lease = "\(FleetLedger.lease.milliseconds)"
        return ["EVAL", script, "2", prefix + "gateways", prefix + "held:" + gateway, gateway, lease] + arguments
    }
}
