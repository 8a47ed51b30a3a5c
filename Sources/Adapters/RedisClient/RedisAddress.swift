/// Where a Redis server is, and as whom to come.
package struct RedisAddress: Hashable, Sendable {
    package var host: String
    package var port: UInt16
    package var isSecure: Bool
    /// Empty: the server's default user.
    package var user: String
    /// Nil: nobody is asked for one.
    package var password: String?
    package var database: Int

    package static let standardPort: UInt16 = 6379

    package init(
        host: String, port: UInt16 = standardPort, isSecure: Bool = false, user: String = "", password: String? = nil,
        database: Int = 0
    ) {
        self.host = host
        self.port = port
        self.isSecure = isSecure
        self.user = user
        self.password = password
        self.database = database
    }
}
