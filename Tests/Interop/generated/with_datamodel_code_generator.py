"""Uses what datamodel-code-generator has made in the module `made`, by plain HTTP: see test_generated_clients.py."""

import json
import sys
import urllib.error
import urllib.request

from made import CallList, CreateSessionRequest, CreateSessionResponse, ErrorResponse

url, room, api_key, admin_key = sys.argv[1:]


def ask(path: str, body=None, **headers) -> bytes:
    data = body and body.model_dump_json(exclude_unset=True).encode()
    headers["Content-Type"] = "application/json"
    return urllib.request.urlopen(urllib.request.Request(url + path, data, headers)).read()


key = {"X-API-Key": api_key}
answer = ask("/session", CreateSessionRequest(userIdentity="auth0|64f1", roomName=room), **key)
session = CreateSessionResponse.model_validate_json(answer)
# The model knows as well as the gateway what a room's name may be; this one is a model of nothing.
try:
    ask("/session", CreateSessionRequest.model_construct(userIdentity="ann", roomName="a room"), **key)
except urllib.error.HTTPError as error:
    refusal = ErrorResponse.model_validate_json(error.read())
calls = CallList.model_validate_json(ask("/admin/calls", Authorization=f"Bearer {admin_key}"))
print(json.dumps({
    "room": session.roomName, "refusal": refusal.error,
    "calls": [(call.identity, call.state.value, call.up.packets >= 0) for call in calls.calls]}))
