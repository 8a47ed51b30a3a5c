"""A client of VoiceGateway: sound up, sound and events down, calls that survive a lost connection.

    async with Call("ws://127.0.0.1:3000/ws", key="…") as call:
        await call.send_text("hello")
        async for event in call:
            ...

The protocol behind it: docs/client-protocol.md. `python -m voicegateway --help` is the same from the command line.
"""

from .call import Call
from .events import (
    AgentError,
    AgentJoined,
    AgentLeft,
    AgentState,
    Audio,
    CallEnded,
    Closing,
    Configured,
    ConversationItem,
    Data,
    Digits,
    Error,
    Event,
    FalseInterruption,
    Interrupted,
    Message,
    MethodCall,
    MethodError,
    MethodResult,
    Move,
    Ready,
    Reconnecting,
    RoomReconnected,
    RoomReconnecting,
    Session,
    ToolFinished,
    ToolStarted,
    Transcript,
    UserState,
    Warning,
)

__all__ = [
    "AgentError", "AgentJoined", "AgentLeft", "AgentState", "Audio", "Call", "CallEnded", "Closing", "Configured",
    "ConversationItem", "Data", "Digits", "Error", "Event", "FalseInterruption", "Interrupted", "Message", "MethodCall",
    "MethodError", "MethodResult", "Move", "Ready", "Reconnecting", "RoomReconnected", "RoomReconnecting", "Session",
    "ToolFinished", "ToolStarted", "Transcript", "UserState", "Warning",
]
