internal import HTTP
internal import RedisClient
internal import Wire

extension SettingKind where Value == RedisAddress {
    /// `redis://` or `rediss://` (TLS), as clients of Redis have it: user and password percent-encoded, the database as the path.
    static var redis: SettingKind {
        SettingKind(
            "URL", "a URL such as redis://user:password@redis.internal:6379/0, or rediss:// for TLS"
        ) { text throws(InvalidSetting) in
            guard let scheme = ["rediss://", "redis://"].first(where: text.lowercased().hasPrefix) else {
                throw InvalidSetting()
            }
            let parts = text.dropFirst(scheme.utf8.count).split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count <= 2, let place = parts.last else {
                throw InvalidSetting("an @ in user or password must be written %40")
            }
            let url: HTTPURL
            do throws(HTTPURL.Failure) { url = try HTTPURL("http://\(place)") } catch {
                throw InvalidSetting("its host or port cannot be used: \(error)")
            }
            let path = url.target.dropFirst()
            guard let database = path.isEmpty ? 0 : Int(path), (0...1_000_000).contains(database) else {
                throw InvalidSetting("the path must be the number of a database")
            }
            // Colons of an address stand in brackets.
            let authority = place.prefix { $0 != "/" && $0 != "?" }
            let behindAddress = authority.split(separator: "]", omittingEmptySubsequences: false).last ?? authority
            var address = RedisAddress(
                host: url.origin.host,
                port: behindAddress.contains(":") ? url.origin.port : RedisAddress.standardPort,
                isSecure: scheme == "rediss://", database: database)
            if parts.count == 2 {
                let names = parts[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard names.count == 2 else {
                    throw InvalidSetting("a password stands behind a colon, as in redis://:password@host")
                }
                address.user = PercentEncoding.decoded(names[0].utf8)
                address.password = PercentEncoding.decoded(names[1].utf8)
            }
            return address
        }
    }
}
