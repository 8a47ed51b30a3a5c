internal import ClientProtocol
internal import Glibc

/// Writes what is heard into a WAV file. The header is brought up to date every second and at the end, so that the
/// file can be played however the call ends.
final class CallRecorder {
    /// Why a file cannot be written.
    struct Failure: Error {
        let reason: String
    }

    let path: String
    private let descriptor: Int32
    private let format: AudioFormat
    private let headerBytes: Int
    private var dataBytes = 0
    private var dataBytesInHeader = 0
    private var isClosed = false
    /// What went wrong on the way: a full disk, for example.
    private(set) var failure: Failure?

    /// - Parameter sampleRate: of what will be written, in Hz: 16-bit mono.
    init(path: String, sampleRate: Int) throws(Failure) {
        self.path = path
        format = AudioFormat(encoding: .pcmS16LE, sampleRate: sampleRate)
        let header = WAVHeader.bytes(for: format, dataByteCount: 0) ?? []
        headerBytes = header.count
        // SAFETY: the path and the bytes are read during the call only.
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw unsafe Failure(reason: String(cString: strerror(errno))) }
        write(header, at: 0)
        if let failure {
            _ = Glibc.close(descriptor)
            throw failure
        }
    }

    deinit { close() }

    /// Seconds written so far.
    var duration: Double { Double(dataBytes) / Double(2 * format.sampleRate) }

    func append(_ samples: [Int16]) {
        guard !isClosed, failure == nil, !samples.isEmpty else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(samples.count * 2)
        SampleEncoder.append(samples.span, as: .pcmS16LE, to: &bytes)
        write(bytes, at: headerBytes + dataBytes)
        dataBytes += bytes.count
        if dataBytes - dataBytesInHeader >= 2 * format.sampleRate { updateHeader() }
    }

    /// Ends the file.
    func close() {
        guard !isClosed else { return }
        updateHeader()
        isClosed = true
        _ = Glibc.close(descriptor)
    }

    private func updateHeader() {
        guard failure == nil, let header = WAVHeader.bytes(for: format, dataByteCount: dataBytes) else { return }
        write(header, at: 0)
        dataBytesInHeader = dataBytes
    }

    private func write(_ bytes: [UInt8], at offset: Int) {
        // SAFETY: the path and the bytes are read during the call only.
        unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                // SAFETY: pointer and count stay within the buffer.
                let count = unsafe pwrite(
                    descriptor, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written, offset + written
                )
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    failure = unsafe failure ?? Failure(reason: String(cString: strerror(errno)))
                    return
                }
                written += count
            }
        }
    }
}
