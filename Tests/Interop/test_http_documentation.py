"""docs/http-api.md does what it says: its commands are executed, and what comes is what it shows."""

import asyncio
import json
import os
import re

import pytest

from support.processes import ROOT, Gateway, answers, free_port

TEXT = (ROOT / "docs/http-api.md").read_text()
EXAMPLES = re.findall(r"```sh\n(curl .*?)```\n```json\n(.*?)```", TEXT, re.S)


def alike(shown, real) -> bool:
    """Whether they have the same members and values; … stands for anything, and a number for any."""
    if shown == {"…": "…"}:
        return isinstance(real, dict)
    if isinstance(shown, dict):
        return isinstance(real, dict) and list(shown) == list(real) and all(alike(shown[k], real[k]) for k in shown)
    if isinstance(shown, list):
        return isinstance(real, list) and len(shown) == len(real) and all(map(alike, shown, real))
    if isinstance(shown, str):
        pattern = ".+".join(re.escape(part) for part in shown.split("…"))
        return isinstance(real, str) and re.fullmatch(pattern, real) is not None
    return type(shown) is type(real) and (shown == real or type(shown) is int)


async def test_the_commands_show_what_the_document_shows(programs):
    assert len(EXAMPLES) == TEXT.count("```sh") == 9
    operators_port = free_port()
    gateway = await programs(Gateway(ADMIN_API_KEY="the-operators-key", ADMIN_PORT=operators_port))
    await answers(gateway, operators_port)
    ports = {":3000": f":{gateway.port}", ":3001": f":{operators_port}"}

    def here(text: str) -> str:
        return re.sub(":300[01]", lambda port: ports[port[0]], text)

    for command, shown in EXAMPLES:
        shown = json.loads(here(shown.replace("{…}", '{"…": "…"}')))
        run = await asyncio.create_subprocess_shell(
            here(command.replace("curl", "curl --silent --show-error --max-time 20", 1)),
            env={**os.environ, "ADMIN_API_KEY": "the-operators-key"}, stdout=asyncio.subprocess.PIPE)
        output, _ = await asyncio.wait_for(run.communicate(), 30)
        assert run.returncode == 0, command
        assert alike(shown, json.loads(output)), f"{command}\n{output.decode()}"


@pytest.mark.parametrize(("shown", "real"), [("a…", "b"), ({"a": 1}, {"a": "1"}), ([], [1]), ({}, {"a": 1}), ("x", "x y")])
def test_what_is_not_alike_is_noticed(shown, real):
    assert not alike(shown, real)
