"""Access tokens in both directions against the official `livekit-api` package."""
import datetime
import json
import subprocess
import time
from pathlib import Path

import jwt
import pytest
from livekit import api

PROBE = Path(__file__).resolve().parents[2] / ".build" / "debug" / "ProtobufProbe"
SECRET = "a-secret-of-more-than-thirty-two-characters"


def ask(command, secret, argument):
    run = subprocess.run(
        [PROBE], input=f"{command} {secret} {argument}\n", capture_output=True, text=True, timeout=20, check=True
    )
    return run.stdout.rstrip("\n")


def python_token():
    return (
        api.AccessToken("devkey", SECRET)
        .with_identity("caller é")
        .with_name("A caller")
        .with_kind("agent")
        .with_metadata('{"a": 1}')
        .with_attributes({"x": "1", "lk.agent.name": "é"})
        .with_ttl(datetime.timedelta(minutes=10))
        .with_grants(api.VideoGrants(room_join=True, room="room 1", can_subscribe=False, can_publish_sources=["microphone"]))
        .with_room_config(api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="helper", metadata="{}")]))
    )


def test_we_verify_what_python_mints():
    claims = json.loads(ask("verify", SECRET, python_token().to_jwt()))
    expiry = claims.pop("exp")
    assert abs(expiry - time.time() - 600) < 30
    assert claims == {
        "key": "devkey", "identity": "caller é", "name": "A caller", "metadata": '{"a": 1}', "kind": "AGENT",
        "attributes": {"x": "1", "lk.agent.name": "é"}, "room": "room 1", "roomJoin": True, "canPublish": True,
        "canSubscribe": False, "sources": ["MICROPHONE"], "agent": "helper",
    }


def test_we_refuse_what_python_minted_with_another_secret():
    answer = ask("verify", "b" + SECRET, python_token().to_jwt())
    assert answer == "error the access token's signature does not fit the API secret"


@pytest.mark.parametrize("claims, header, reason", [
    ({"nbf": "soon"}, {}, "its nbf is not a time"),
    ({"nbf": [1]}, {}, "its nbf is not a time"),
    ({}, {"crit": ["urn:example"], "urn:example": True}, "its header demands extensions (crit)"),
])
def test_we_refuse_what_we_cannot_understand(claims, header, reason):
    token = jwt.encode({"iss": "devkey", "exp": 4_000_000_000, **claims}, SECRET, "HS256", headers=header)
    assert ask("verify", SECRET, token) == f"error the access token is malformed: {reason}"


def test_python_verifies_what_we_mint():
    now = int(time.time())
    wanted = {
        "key": "devkey", "identity": "caller é", "name": "A \"caller\"", "metadata": "{}", "kind": "AGENT",
        "attributes": {"x": "1"}, "room": "room 1", "agent": "helper", "exp": now + 600, "nbf": now - 1,
    }
    claims = api.TokenVerifier("devkey", SECRET).verify(ask("mint", SECRET, json.dumps(wanted)))
    assert (claims.identity, claims.name, claims.kind, claims.metadata) == ("caller é", 'A "caller"', "agent", "{}")
    assert claims.attributes == {"x": "1"}
    assert claims.video.room_join and claims.video.room == "room 1" and claims.video.can_publish_sources == ["microphone"]
    assert claims.room_config.agents[0].agent_name == "helper"
    with pytest.raises(Exception):
        api.TokenVerifier("devkey", "b" + SECRET).verify(ask("mint", SECRET, json.dumps(wanted)))
