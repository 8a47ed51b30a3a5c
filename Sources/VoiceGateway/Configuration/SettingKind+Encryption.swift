internal import Wire

extension SettingKind where Value == EncryptionSecret {
    static var encryptionSecret: SettingKind {
        SettingKind("KEY", EncryptionSecret.allowed, show: { _ in "" }) { text throws(InvalidSetting) in
            guard let secret = EncryptionSecret(text) else { throw InvalidSetting() }
            if Placeholder.isOne(text) { throw InvalidSetting.placeholder("it") }
            return secret
        }
    }
}
