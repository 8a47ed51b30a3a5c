"""What a call brings, each kind a type of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True)
class Audio:
    """Sound of the agent, in the output format that was chosen (16-bit little-endian, 24 kHz, mono by default)."""

    data: bytes


@dataclass(frozen=True)
class Ready:
    """The connection is accepted."""

    message: str = ""


@dataclass(frozen=True)
class Session:
    """The room is joined. With `resume_token` the call survives its connection; `resumed` says that it just has."""

    id: str
    room: str
    identity: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    resume_token: str | None = None
    resumed: bool = False
    dropped: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Configured:
    """A `config` message was taken over."""

    instructions: str | None = None


@dataclass(frozen=True)
class AgentJoined:
    identity: str
    name: str = ""


@dataclass(frozen=True)
class AgentLeft:
    identity: str
    reason: str = ""


@dataclass(frozen=True)
class AgentState:
    """`initializing`, `idle`, `listening`, `thinking` or `speaking`."""

    state: str


@dataclass(frozen=True)
class Transcript:
    """The whole text of a segment so far; a later one of the same `segment_id` replaces it. With `transcript_mode=delta` what
    is new, unless `delta` is None."""

    role: str
    content: str = ""
    final: bool = True
    segment_id: str = ""
    participant: str = ""
    delta: str | None = None


@dataclass(frozen=True)
class Interrupted:
    """Drop what is queued for playback."""


@dataclass(frozen=True)
class RoomReconnecting:
    """The gateway's connection to the room broke. What is said meanwhile waits."""


@dataclass(frozen=True)
class RoomReconnected:
    """It is back."""


@dataclass(frozen=True)
class Data:
    """A data packet of somebody in the room; base64 when `encoding` says so."""

    topic: str
    sender: str
    payload: Any
    encoding: str | None = None


@dataclass(frozen=True)
class MethodCall:
    """Somebody calls a method of the client: answer with a message `rpc_result` or `rpc_error` of the same `id`."""

    id: str
    method: str
    payload: str
    caller: str
    timeout_ms: int


@dataclass(frozen=True)
class MethodResult:
    """How a call of the client's has ended: well."""

    id: str
    payload: str = ""


@dataclass(frozen=True)
class MethodError:
    """How a call of the client's has ended: not well. `code` is LiveKit's, or the method's own."""

    id: str
    code: int
    message: str = ""
    data: str = ""


@dataclass(frozen=True)
class Digits:
    """An agent presses telephone keys."""

    digits: str


@dataclass(frozen=True)
class UserState:
    """What the agent takes the user to do: `speaking`, `listening` or `away`. This and what follows up to `AgentError` come with
    `agent_events="true"` alone."""

    state: str


@dataclass(frozen=True)
class ConversationItem:
    """A turn is over and part of the agent's memory; `content` is what was said, up to the interruption if there was one."""

    id: str
    role: str
    content: str
    interrupted: bool = False


@dataclass(frozen=True)
class ToolStarted:
    """The agent uses a tool. `arguments` are a mapping, or a text where the model wrote no JSON."""

    call_id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class ToolFinished:
    """What came of it: a result, or a complaint if it `failed`."""

    call_id: str
    name: str
    output: str
    failed: bool = False


@dataclass(frozen=True)
class FalseInterruption:
    """What had stopped the agent was no turn; whether it has gone on."""

    resumed: bool = False


@dataclass(frozen=True)
class AgentError:
    """A model or a voice that the agent uses has failed."""

    message: str


@dataclass(frozen=True)
class Error:
    """What went wrong, who has to do something about it, and whether trying again helps."""

    code: str
    message: str
    blame: str = "gateway"
    retry: bool = False


@dataclass(frozen=True)
class Warning:
    """Something that was said has no effect, or (`slow`) sound was dropped because it was not read in time."""

    code: str
    message: str
    parameter: str = ""
    meant: str | None = None
    dropped_messages: int = 0


@dataclass(frozen=True)
class Move:
    """The gateway goes, in `deadline` seconds. The client connects again, and the call goes on at another gateway."""

    resume_token: str
    deadline: int


@dataclass(frozen=True)
class Closing:
    """The gateway closes next."""

    reason: str
    message: str = ""


@dataclass(frozen=True)
class Reconnecting:
    """The connection is lost; the next attempt comes after `delay` seconds. Not from the gateway but from the client."""

    attempt: int
    delay: float
    code: int


@dataclass(frozen=True)
class Message:
    """Any other message, such as an agent's own JSON."""

    type: str
    members: Mapping[str, Any]


Event = Union[
    Audio, Ready, Session, Configured, AgentJoined, AgentLeft, AgentState, Transcript, Interrupted, Data, Error, Warning,
    Closing, Move, RoomReconnecting, RoomReconnected, Reconnecting, MethodCall, MethodResult, MethodError, Digits, UserState,
    ConversationItem, ToolStarted, ToolFinished, FalseInterruption, AgentError, Message,
]

_TYPES: dict[str, Any] = {
    "ready": Ready, "session": Session, "configured": Configured, "agent_joined": AgentJoined, "agent_left": AgentLeft,
    "agent_state": AgentState, "transcript": Transcript, "interrupted": Interrupted, "data": Data, "error": Error,
    "warning": Warning, "closing": Closing, "move": Move, "reconnecting": RoomReconnecting, "reconnected": RoomReconnected,
    "rpc": MethodCall, "rpc_result": MethodResult, "rpc_error": MethodError, "dtmf": Digits, "user_state": UserState,
    "item": ConversationItem, "tool_started": ToolStarted, "tool_finished": ToolFinished,
    "false_interruption": FalseInterruption, "agent_error": AgentError,
}


def event_of(message: Mapping[str, Any]) -> Event:
    """The event in a JSON object; members that a newer gateway may have added are passed over."""
    kind = str(message.get("type", ""))
    known = _TYPES.get(kind)
    if known is None:
        return Message(kind, {name: value for name, value in message.items() if name != "type"})
    names = {field.name for field in dataclasses.fields(known)}
    try:
        event: Event = known(**{name: value for name, value in message.items() if name in names})
    except TypeError:
        # An agent's own message may have the name of one of ours and other members.
        return Message(kind, {name: value for name, value in message.items() if name != "type"})
    return event


class CallEnded(Exception):
    """The gateway has ended the call, and coming back by oneself would not help."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason or 'the call has ended'} ({code})")
        self.code = code
        self.reason = reason
