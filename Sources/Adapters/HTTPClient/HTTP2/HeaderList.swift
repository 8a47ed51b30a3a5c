internal import CNGHTTP2
internal import HTTP

/// A header list as nghttp2 takes it: pointers into one buffer.
struct HeaderList {
    private var letters: [UInt8] = []
    private var lengths: [(name: Int, value: Int, flags: UInt8)] = []

    init(_ fields: [HTTPHeaders.Field]) {
        for field in fields {
            letters += field.name.utf8
            letters += field.value.utf8
            // What nobody else may learn stays out of compression tables (RFC 7541 section 7.1.3).
            let isSecret = field.name == "authorization" || field.name == "cookie"
            let flag = isSecret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
            lengths.append((field.name.utf8.count, field.value.utf8.count, UInt8(flag.rawValue)))
        }
    }

    /// Calls `body` with the list, which is valid only during the call.
    mutating func withFields<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        // SAFETY: the lengths are those of the pieces that the buffer was made of.
        unsafe letters.withUnsafeMutableBufferPointer { letters in
            var fields: [nghttp2_nv] = unsafe []
            unsafe fields.reserveCapacity(lengths.count)
            var next = letters.baseAddress
            for (name, value, flags) in lengths {
                // SAFETY: the lengths are those of the pieces that the buffer was made of.
                let middle = unsafe next.map { unsafe $0 + name }
                unsafe fields.append(
                    nghttp2_nv(name: next, value: middle, namelen: name, valuelen: value, flags: flags))
                unsafe next = middle.map { unsafe $0 + value }
            }
            return unsafe body(fields, fields.count)
        }
    }
}
