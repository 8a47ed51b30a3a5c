"""Schemathesis takes /openapi.json at its word: what it says is accepted must be accepted, what it says is refused must be
refused, and each answer must be as it says."""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from support.processes import Gateway

# It knows only DELETE as an end, and does not expect that what POST /session/end has ended is gone.
UNFIT = "ensure_resource_availability"
KEY = {"API_KEY_ENABLED": "true", "API_KEYS": "the-key"}


async def schemathesis(location: str, *arguments: str) -> tuple[int, str]:
    run = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "run", location, "--no-color", "--generation-deterministic",
        "--max-examples", "15", "--checks", "all", "--exclude-checks", UNFIT, *arguments,
        cwd="/tmp", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(run.communicate(), 150)
    except asyncio.TimeoutError:
        run.kill()
        raise
    return run.returncode, output.decode()


@pytest.mark.parametrize("settings", [{}, KEY], ids=["open", "with keys"])
async def test_the_description_is_true(programs, settings):
    gateway = await programs(Gateway("--log-level", "warning", **settings))
    header = ["--header", "X-API-Key: the-key"] if settings else []
    code, output = await schemathesis(f"http://127.0.0.1:{gateway.port}/openapi.json", *header)
    assert code == 0 and "No issues found" in output, output
    assert gateway.process.returncode is None
    assert not [line for line in gateway.lines if "level=error" in line or "status=5" in line], gateway.lines[-20:]


async def test_the_description_is_openapi_and_has_a_name_for_whatever_is_sent_and_answered(programs):
    """Generators of clients refuse what is no OpenAPI, and make the names of types up where there are none."""
    gateway = await programs(Gateway(ADMIN_API_KEY="the-operators-key", RATE_LIMIT_ENABLED="true", **KEY))
    description = json.load(urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/openapi.json", timeout=10))
    validate(description)
    for path, operations in description["paths"].items():
        for operation in operations.values():
            for place in (operation.get("requestBody", {}), *operation["responses"].values()):
                if content := place.get("content", {}).get("application/json"):
                    schemas = content["schema"].get("anyOf", [content["schema"]])
                    assert "$ref" in schemas[0], f"{operation['operationId']} of {path}: {schemas[0]}"


async def test_a_description_that_lies_is_found_out(programs, tmp_path):
    gateway = await programs(Gateway("--log-level", "warning"))
    url = f"http://127.0.0.1:{gateway.port}"
    description = json.load(urllib.request.urlopen(f"{url}/openapi.json", timeout=10))
    description["components"]["schemas"]["Health"]["properties"]["uptime"] = {"type": "string"}
    lie = tmp_path / "openapi.json"
    lie.write_text(json.dumps(description))
    code, output = await schemathesis(str(lie), "--url", url, "--include-path", "/health")
    assert code == 1 and "Response violates schema" in output, output
