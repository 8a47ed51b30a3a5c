internal import Wire

/// What Redis does at once, in Lua: each command of a `FleetLedger` is one script, so nothing comes between its steps.
///
/// `voicegateway:gateways` is a sorted set of gateways by the time at which their lease ends, in milliseconds of Redis's own clock;
/// `voicegateway:held:<gateway>` is a hash of what a gateway holds, which expires with the lease.
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

    private static func call(_ script: String, _ gateway: String, _ arguments: [String]) -> [String] {
        let lease = "\(FleetLedger.lease.milliseconds)"
        return ["EVAL", script, "2", prefix + "gateways", prefix + "held:" + gateway, gateway, lease] + arguments
    }
}
