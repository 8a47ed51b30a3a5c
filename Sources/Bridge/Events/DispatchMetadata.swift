internal import Wire

/// Puts together what an agent is told about its job.
package enum DispatchMetadata {
    /// The text of a JSON object: the client's metadata, if it is one, with `instructions` and `prompt` added. Metadata
    /// that is no JSON object goes under `metadata`, unless nothing is to be added to it.
    package static func text(metadata: String?, instructions: String?) -> String {
        guard let instructions else { return metadata ?? "{}" }
        var object: JSONObject = [:]
        if let metadata {
            if let members = (try? JSONValue(parsing: metadata))?.object {
                object = members
            } else {
                object["metadata"] = .string(metadata)
            }
        }
        object["instructions"] = .string(instructions)
        object["prompt"] = .string(instructions)
        return JSONValue.object(object).serialized()
    }
}
