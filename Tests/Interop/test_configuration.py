"""The settings of the program as a process: mistakes all at once, exit codes, .env, precedence, `check-config`."""

import os
import socket
import subprocess

import pytest

from support.processes import GATEWAY, ROOT, Gateway


def run(*arguments, folder, **environment):
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH")}
    return subprocess.run(
        [GATEWAY, *map(str, arguments)], env=clean | environment, cwd=folder, capture_output=True, text=True, timeout=30
    )


def settings(done):
    """What `check-config` printed: value and source by name."""
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {name: (value, source) for name, source, value in lines}


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_all_mistakes_are_told_at_once_with_exit_code_2(command, tmp_path):
    (tmp_path / ".env").write_text("MAX_CONNECTIONS=none\nAPI_KEYZ=hush\nnonsense\n")
    done = run(
        command, "--port", "99999", folder=tmp_path, API_KEY_ENABLED="true", LIVEKIT_URL="h", LIVEKIT_API_SECRET="hush"
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "VoiceGateway: .env line 3 is not NAME=value.",
        'VoiceGateway: LIVEKIT_URL is "h", but the scheme is "", allowed are ws, wss, http and https.',
        "VoiceGateway: LIVEKIT_API_SECRET is set without LIVEKIT_API_KEY; set the key that belongs to the secret.",
        'VoiceGateway: --port is "99999", but it must be a port from 1 to 65535 (0 lets the system choose).',
        "VoiceGateway: API_KEY_ENABLED is true without API_KEYS; set the keys that clients may present.",
        'VoiceGateway: MAX_CONNECTIONS is "none", but it must be a number from 1 to 1000000.',
        "VoiceGateway: Warning: API_KEYZ in .env is no setting. Did you mean API_KEYS?",
    ]
    assert "hush" not in done.stderr


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path):
    (tmp_path / ".env").write_text('PORT=1\nMAX_CONNECTIONS=2\nAGENT_NAME="of the file"\nLIVEKIT_ROOM_NAME=\n')
    found = settings(run("check-config", "--port", "3", folder=tmp_path, PORT="4", MAX_CONNECTIONS="5"))
    assert found["PORT"] == ("3", "--port")
    assert found["MAX_CONNECTIONS"] == ("5", "environment")
    assert found["AGENT_NAME"] == ("of the file", ".env")
    assert found["LIVEKIT_ROOM_NAME"] == ("gemma-voice-room", "default")


def test_another_file_can_be_named_and_must_exist(tmp_path):
    (tmp_path / ".env").write_text("PORT=1\n")
    (tmp_path / "other").write_text("PORT=2\n")
    assert settings(run("check-config", "--env-file", "other", folder=tmp_path))["PORT"] == ("2", "other")
    done = run("check-config", "--env-file", "missing", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "VoiceGateway: The settings file missing does not exist.\n")


def test_secrets_are_not_shown(tmp_path):
    done = run(
        "check-config", folder=tmp_path, API_KEY_ENABLED="true", API_KEYS="hush1,hush2",
        LIVEKIT_URL="wss://h", LIVEKIT_API_KEY="key", LIVEKIT_API_SECRET="hush3",
    )  # fmt: skip
    found = settings(done)
    assert found["API_KEYS"] == found["LIVEKIT_API_SECRET"] == ("(set)", "environment")
    assert "hush" not in done.stdout + done.stderr


def test_a_secret_from_kubernetes_with_a_line_feed_is_refused_with_the_place(tmp_path):
    done = run(
        "check-config", "--host", "127.0.0.1", folder=tmp_path,
        LIVEKIT_URL="wss://h", LIVEKIT_API_KEY="key", LIVEKIT_API_SECRET="hush\n",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2, "VoiceGateway: LIVEKIT_API_SECRET is set, but character 5 of 5 is a line feed; write the value without "
        "(echo -n).\n")  # fmt: skip
    # From the settings file, too, which an editor of Windows has written.
    lines = ["\ufeffHOST=127.0.0.1", "LIVEKIT_URL=wss://h", "LIVEKIT_API_KEY=key", "LIVEKIT_API_SECRET='hush '", ""]
    (tmp_path / ".env").write_bytes("\r\n".join(lines).encode())
    done = run("check-config", folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        2, "VoiceGateway: LIVEKIT_API_SECRET is set, but character 5 of 5 is a space; write the value without.\n")


def test_an_open_deployment_is_told_in_one_line(tmp_path):
    deployment = {"LIVEKIT_URL": "wss://h", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "hush"}
    done = run("check-config", folder=tmp_path, **deployment)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "every web page included" in line and "API_KEY_ENABLED=true with API_KEYS closes this" in line
    closed = run("check-config", folder=tmp_path, API_KEY_ENABLED="true", API_KEYS="hush", **deployment)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_secrets_have_no_option(tmp_path):
    done = run("check-config", "--api-keys", "hush", folder=tmp_path)
    assert done.returncode == 2 and "has no option --api-keys" in done.stderr
    assert "--api-keys" not in run("serve", "--help", folder=tmp_path).stdout


def test_checking_opens_no_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert settings(run("check-config", "--port", port, folder=tmp_path))["PORT"][0] == str(port)


def test_the_documented_table_is_the_programs(tmp_path):
    table = run("check-config", "--table", folder=tmp_path).stdout
    assert (ROOT / "docs" / "configuration.md").read_text().endswith("\n\n" + table)


async def test_serve_warns_and_goes_on(programs):
    gateway = await programs(Gateway(API_KEYS="hush"))
    await gateway.says("Warning: API_KEYS is set but API_KEY_ENABLED is not true")
    assert not any("hush" in line for line in gateway.lines)
