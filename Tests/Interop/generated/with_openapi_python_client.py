"""Uses what openapi-python-client has made in the package `made`: see test_generated_clients.py."""

import json
import sys

from made import AuthenticatedClient
from made.api.admin import list_calls
from made.api.sessions import create_session
from made.models import CreateSessionRequest

url, room, api_key, admin_key = sys.argv[1:]
backend = AuthenticatedClient(url, api_key, prefix="", auth_header_name="X-API-Key")
session = create_session.sync(client=backend, body=CreateSessionRequest("auth0|64f1", room_name=room))
refusal = create_session.sync(client=backend, body=CreateSessionRequest("ann", room_name="a room"))
calls = list_calls.sync(client=AuthenticatedClient(url, admin_key))
print(json.dumps({
    "room": session.room_name, "refusal": refusal.error,
    "calls": [(call.identity, call.state.value, call.up.packets >= 0) for call in calls.calls]}))
