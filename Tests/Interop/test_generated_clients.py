"""What generators of HTTP clients make of GET /openapi.json talks with the gateway: a session is asked for, a mistake is told, and the
operator sees a call, each as a type of its own. The programs that use it are in generated/."""

import asyncio
import json
import pathlib
import urllib.request

import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.processes import ROOT, Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")
API_KEY, ADMIN_KEY = "the-key", "the-operators-key"
PROGRAMS = ROOT / ".venv/generators/bin"
#: Arguments of each, without the description that it reads.
GENERATORS = {
    "openapi_python_client": ["openapi-python-client", "generate", "--meta", "none", "--output-path", "made", "--path"],
    "datamodel_code_generator": [
        "datamodel-codegen", "--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel",
        "--formatters", "builtin", "--output", "made.py", "--input"],
    "clientele": ["clientele", "start-api", "--output", "made", "--file"],
    "openapi_generator": ["openapi-generator-cli", "generate", "-g", "python", "-o", ".", "-i"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway(
        "--log-level", "warning", API_KEY_ENABLED="true", API_KEYS=API_KEY, ADMIN_API_KEY=ADMIN_KEY,
        ALLOW_CLIENT_IDENTITIES="true", ALLOWED_AGENTS="custom-agent,none").start()
    yield program
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def call(gateway):
    async with VoiceClient(gateway.url, api_key=API_KEY, identity="ann", agent="") as client:
        await client.event("session")
        yield client


@pytest.fixture(scope="module")
def description(gateway, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("description") / "openapi.json"
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/openapi.json", timeout=10) as answer:
        path.write_bytes(answer.read())
    return path


async def run(program: str, *arguments, folder: pathlib.Path) -> str:
    process = await asyncio.create_subprocess_exec(
        PROGRAMS / program, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        # What else is installed on this machine must not help.
        env={"PATH": str(PROGRAMS), "PYTHONPATH": str(folder), "HOME": str(folder)})
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.parametrize("generator", GENERATORS)
async def test_a_generated_client_talks_with_the_gateway(gateway, call, description, tmp_path, generator):
    program, *arguments = GENERATORS[generator]
    await run(program, *arguments, description, folder=tmp_path)
    output = await run(
        "python", ROOT / f"Tests/Interop/generated/with_{generator}.py", f"http://127.0.0.1:{gateway.port}",
        f"room-{generator}", API_KEY, ADMIN_KEY, folder=tmp_path)
    assert json.loads(output) == {
        "room": f"room-{generator}", "refusal": "roomName may only contain letters, numbers, hyphens and underscores",
        "calls": [["ann", "joined", True]]}, output
