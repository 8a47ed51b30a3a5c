"""A livekit-agents worker whose agent uses tools: asks for the weather, fails at the stock, and hangs up by livekit-agents' own tool
after a farewell. `python clerk.py start`; variables as for worker.py."""

import json
import os
import uuid

from livekit.agents import Agent, AgentSession, JobContext, ToolError, cli, function_tool, llm
from livekit.agents.beta.tools import EndCallTool
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from speech import EspeakTTS
from worker import agent_server

FAREWELL = "Goodbye and thank you for calling us today."


class ToolLLM(llm.LLM):
    """Calls a tool for the first word of what is said, and says what the tool says."""

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        return ToolReply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ToolReply(llm.LLMStream):
    async def _run(self) -> None:
        last = self._chat_ctx.items[-1]
        if last.type == "function_call_output":
            delta = llm.ChoiceDelta(role="assistant", content=FAREWELL if last.name == "end_call" else last.output)
        else:
            tool, *words = (last.text_content or "").split()
            arguments = {} if tool == "end_call" else {"word": " ".join(words)}
            call = llm.FunctionToolCall(name=tool, arguments=json.dumps(arguments), call_id="call_" + uuid.uuid4().hex)
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
        self._event_ch.send_nowait(llm.ChatChunk(id=uuid.uuid4().hex, delta=delta))


class Clerk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You use tools.", tools=[EndCallTool()])

    @function_tool
    async def weather(self, word: str) -> str:
        """The weather of a place."""
        return f"It is sunny in {word}."

    @function_tool
    async def stock(self, word: str) -> str:
        """How much there is of something."""
        raise ToolError(f"nobody knows about {word}")


server = agent_server()


@server.rtc_session(agent_name=os.environ.get("AGENT_NAME", "custom-agent"))
async def entrypoint(context: JobContext) -> None:
    await context.connect()
    session = AgentSession(vad=context.proc.userdata["vad"], llm=ToolLLM(), tts=EspeakTTS(), turn_detection="vad")
    await session.start(agent=Clerk(), room=context.room)


if __name__ == "__main__":
    cli.run_app(server)
