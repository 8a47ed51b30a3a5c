internal import Wire

/// What OpenAPI says about the operations for xiaozhi devices.
enum XiaozhiDocumentation {
    private static let group = "xiaozhi"
    private static let malformed = OperationDocumentation.Answer(
        status: 400, text: "The request is not as it must be", schema: ErrorStyle.session.schema)

    private static let headers: [OperationDocumentation.Parameter] = [
        .init(
            name: "Device-Id", place: "header", text: "The address of the device's network interface.",
            schema: ["type": "string"]),
        .init(
            name: "Client-Id", place: "header", text: "What the device has made up for itself.",
            schema: ["type": "string"]),
    ]

    static func provision(_ id: String) -> OperationDocumentation {
        OperationDocumentation(
            id: id, group: group, summary: "Tell a device where to connect",
            text:
                "What the firmware asks whenever it starts (its OTA address). Of a device that is not in the list it wants a code to be shown (`activation`).",
            parameters: headers,
            body: .init(
                schema: ErrorStyle.reference("XiaozhiDevice"),
                example: [
                    "application": ["name": "xiaozhi", "version": "2.0.5"],
                    "board": ["type": "bread-compact-wifi", "name": "bread-compact-wifi"],
                ], isRequired: false),
            answers: [
                .init(status: 200, text: "What to do", schema: ErrorStyle.reference("XiaozhiProvision")), malformed,
                .init(
                    status: 503, text: "Too many devices wait to be paired", schema: ErrorStyle.session.schema,
                    headers: ["Retry-After"]),
            ])
    }

    static func state(_ id: String) -> OperationDocumentation {
        OperationDocumentation(
            id: id, group: group, summary: "Tell people that the address is right",
            answers: [
                .init(
                    status: 200, text: "A line of text", contentType: "text/plain; charset=utf-8",
                    schema: ["type": "string"])
            ])
    }

    static let activate = OperationDocumentation(
        id: "xiaozhiActivate", group: group, summary: "Tell a device whether its code has been approved",
        parameters: headers,
        body: .init(schema: ErrorStyle.reference("XiaozhiChallenge"), example: [:], isRequired: false),
        answers: [
            .init(status: 200, text: "It may connect", schema: ErrorStyle.reference("XiaozhiActivation")),
            .init(status: 202, text: "Not yet", schema: ErrorStyle.reference("XiaozhiActivation")), malformed,
        ])

    static let list = OperationDocumentation(
        id: "listPairings", group: "Admin", summary: "The devices that wait for their code to be approved",
        answers: [.init(status: 200, text: "Devices", schema: ErrorStyle.reference("PairingList"))])

    static let approve = OperationDocumentation(
        id: "approvePairing", group: "Admin", summary: "Take the device with this code into the list",
        text: "It connects a few seconds later. Every member of the body may be left out, and the body too.",
        parameters: [
            .init(
                name: "code", place: "path", text: "The six digits that the device shows.",
                schema: ["type": "string", "pattern": "^[^/]+$"])
        ],
        body: .init(
            schema: ErrorStyle.reference("PairingRequest"), example: ["name": "Kitchen", "agent": "cook"],
            isRequired: false),
        answers: [
            .init(status: 200, text: "The device", schema: ErrorStyle.reference("PairedDevice")), malformed,
            .init(status: 404, text: "No device waits with this code", schema: ErrorStyle.session.schema),
            .init(status: 409, text: "There is no list of devices", schema: ErrorStyle.session.schema),
            .init(status: 500, text: "The list cannot be written", schema: ErrorStyle.session.schema),
        ])

    // MARK: Schemas

    private static let text: JSONValue = ["type": "string"]
    private static let name: JSONValue = ["type": "string", "minLength": 1, "maxLength": 128]

    /// Of what devices ask.
    static let schemas: JSONObject = [
        "XiaozhiDevice": ["type": "object", "description": "What the device is; little of it is read."],
        "XiaozhiChallenge": ["type": "object", "description": "Not read: the key of its hash is in the device alone."],
        "XiaozhiProvision": [
            "type": "object",
            "properties": [
                "success": ["type": "boolean", "description": "`false`: a header is missing."], "message": text,
                "server_time": [
                    "type": "object",
                    "properties": [
                        "timestamp": ["type": "integer", "format": "int64", "description": "ms since 1970."],
                        "timezone_offset": ["type": "integer", "description": "Minutes."],
                    ],
                ],
                "firmware": ["type": "object", "properties": ["version": text, "url": text]],
                "websocket": [
                    "type": "object", "properties": ["url": text, "token": text, "version": ["type": "integer"]],
                ],
                "activation": [
                    "type": "object",
                    "properties": [
                        "message": text, "code": text, "challenge": text, "timeout_ms": ["type": "integer"],
                    ],
                ],
            ],
        ],
        "XiaozhiActivation": [
            "type": "object", "required": ["success"], "properties": ["success": ["type": "boolean"]],
        ],
    ]

    /// Of what the operator does.
    static let adminSchemas: JSONObject = [
        "PairingList": [
            "type": "object", "required": ["pairings"],
            "properties": ["pairings": ["type": "array", "items": ErrorStyle.reference("Pairing")]],
        ],
        "Pairing": [
            "type": "object", "required": ["code", "device_id", "board", "seconds"],
            "properties": [
                "code": text, "device_id": text, "board": text,
                "seconds": ["type": "integer", "description": "For which the code still counts."],
            ],
        ],
        "PairingRequest": [
            "type": "object", "additionalProperties": false,
            "properties": ["name": name, "agent": name, "room": name],
        ],
        "PairedDevice": [
            "type": "object", "required": ["id"],
            "properties": ["id": text, "client_id": text, "name": text, "agent": text, "room": text],
        ],
    ]
}
