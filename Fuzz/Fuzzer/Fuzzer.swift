internal import FuzzTargets
internal import Glibc

/// The target that `FUZZ_TARGET` names; libFuzzer has no place for options of its guests.
private let target: FuzzTarget = {
    // SAFETY: nothing changes the environment while it is read.
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
        fatalError("FUZZ_TARGET is \"\(name)\"; there are: \(names)")
    }
    return target
}()

/// What libFuzzer calls with each input.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer describes one buffer with both, which is there during the call.
    unsafe target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
