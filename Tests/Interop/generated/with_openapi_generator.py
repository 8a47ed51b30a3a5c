"""Uses what openapi-generator has made in the package `openapi_client`: see test_generated_clients.py."""

import json
import sys

import openapi_client
from openapi_client.exceptions import BadRequestException

url, room, api_key, admin_key = sys.argv[1:]
configuration = openapi_client.Configuration(url, api_key={"ApiKey": api_key}, access_token=admin_key)
with openapi_client.ApiClient(configuration) as client:
    sessions = openapi_client.SessionsApi(client)
    session = sessions.create_session(openapi_client.CreateSessionRequest(userIdentity="auth0|64f1", roomName=room))
    wrong = openapi_client.CreateSessionRequest.model_construct(user_identity="ann", room_name="a room")
    try:
        sessions.create_session(wrong)
    except BadRequestException as error:
        refusal = error.data
    calls = openapi_client.AdminApi(client).list_calls()
print(json.dumps({
    "room": session.room_name, "refusal": refusal.error,
    "calls": [(call.identity, call.state.value, call.up.packets >= 0) for call in calls.calls]}))
