"""Uses what clientele has made in the package `made`: see test_generated_clients.py."""

import json
import os
import sys

url, room, api_key, admin_key = sys.argv[1:]
os.environ["BASE_URL"] = url
os.environ["HEADERS"] = json.dumps({"X-API-Key": api_key, "Authorization": f"Bearer {admin_key}"})

from made import client, schemas  # noqa: E402

session = client.create_session(data=schemas.CreateSessionRequest(userIdentity="auth0|64f1", roomName=room))
refusal = client.create_session(data=schemas.CreateSessionRequest(userIdentity="ann", roomName="a room"))
calls = client.list_calls()
print(json.dumps({
    "room": session.room_name, "refusal": refusal.error,
    "calls": [(call.identity, call.state.value, call.up.packets >= 0) for call in calls.calls]}))
