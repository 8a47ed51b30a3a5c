"""The development room server against the real LiveKit Python SDK, in both signalling modes."""
import asyncio
import itertools
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import aiohttp
import pytest
from livekit import api, rtc

from support.processes import DEPLOYMENT
from support.room_server import KEY, SECRET, RoomServer, token
from support.sdk_client import Client, silence, tone
from support.tap import Tap

numbers = itertools.count(1)
modes = pytest.mark.parametrize("mode", ["v1", "v0"])


@pytest.fixture(scope="module")
def server():
    with RoomServer() as running:
        yield running


@pytest.fixture
def room():
    return f"sdk-{next(numbers)}"


def run(scenario, timeout=60):
    asyncio.run(asyncio.wait_for(scenario, timeout))


def server_api(server):
    return api.LiveKitAPI(server.http, KEY, SECRET)


# Sound


@modes
def test_a_tone_reaches_the_other_one(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            publication, _ = await ann.publish()
            ann.play_tone(440)
            await asyncio.wait_for(publication.wait_for_subscription(), 5)
            await bob.hears("ann", 440)
            assert bob.heard("ann")[1] == pytest.approx(8000, rel=0.3)

    run(scenario())


@modes
def test_everybody_hears_everybody(server, room, mode):
    frequencies = {"ann": 400, "bob": 600, "cid": 900, "dan": 1300}

    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", "v1") as bob:
            async with Client(server, room, "cid", mode) as cid, Client(server, room, "dan", "v0") as dan:
                clients = [ann, bob, cid, dan]
                for client in clients:
                    await client.publish()
                    client.play_tone(frequencies[client.identity])
                for listener, speaker in itertools.permutations(clients, 2):
                    await listener.hears(speaker.identity, frequencies[speaker.identity], 20)

    run(scenario())


@modes
def test_a_latecomer_gets_the_tracks_that_are_there(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann:
            await ann.publish()
            ann.play_tone(500)
            async with Client(server, room, "bob", mode) as bob:
                await bob.hears("ann", 500)

    run(scenario())


@modes
def test_mute_unpublish_and_publish_again(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            publication, track = await ann.publish()
            playing = ann.play_tone(500)
            await bob.hears("ann", 500)
            track.mute()
            await bob.event("track_muted")
            track.unmute()
            await bob.event("track_unmuted")
            playing.cancel()
            await ann.local.unpublish_track(publication.sid)
            await bob.event("track_unpublished")
            await bob.event("track_unsubscribed")
            bob.forget_sound()
            again, _ = await ann.publish("second")
            assert again.sid != publication.sid
            await bob.until(lambda: len(bob.happened("track_subscribed")) == 2, what="the second track")
            ann.play_tone(800)
            await bob.hears("ann", 800)

    run(scenario())


@modes
def test_a_subscriber_may_leave_a_track_and_come_back(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            await ann.publish()
            ann.play_tone(500)
            await bob.hears("ann", 500)
            publication = next(iter(bob.room.remote_participants["ann"].track_publications.values()))
            publication.set_subscribed(False)
            await bob.event("track_unsubscribed")
            bob.forget_sound()
            publication.set_subscribed(True)
            await bob.hears("ann", 500)

    run(scenario())


@modes
def test_speakers_are_named(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            await ann.publish()
            playing = ann.play_tone(500)
            await bob.event("active_speakers_changed", where=lambda who: [p.identity for p in who] == ["ann"])
            playing.cancel()
            bob.events.clear()
            await bob.event("active_speakers_changed", where=lambda who: not who)

    run(scenario())


# Data


@modes
def test_packets_arrive_reliably_or_not_to_whom_they_are_for(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            async with Client(server, room, "cid", mode) as cid:
                for size in (0, 1, 1200, 15_000, 60_000):
                    await ann.local.publish_data(bytes(index % 251 for index in range(size)), topic=f"size{size}")
                for size in (0, 1, 1200, 15_000, 60_000):
                    (packet,) = await bob.event("data_received", where=lambda p, s=size: p.topic == f"size{s}")
                    assert packet.data == bytes(index % 251 for index in range(size))
                    assert packet.participant.identity == "ann"
                await ann.local.publish_data(b"lossy", reliable=False, topic="lossy")
                await bob.event("data_received", where=lambda p: p.data == b"lossy")
                await ann.local.publish_data(b"secret", destination_identities=["cid"], topic="secret")
                await cid.event("data_received", where=lambda p: p.data == b"secret")
                await bob.local.publish_data(b"after", topic="after")
                await cid.event("data_received", where=lambda p: p.data == b"after")
                assert not [p for (p,) in bob.happened("data_received") if p.topic == "secret"]
                assert not ann.happened("data_received") or [p.topic for (p,) in ann.happened("data_received")] == [
                    "after"
                ]

    run(scenario())


@modes
def test_text_and_byte_streams(server, room, mode):
    text = "Grüße an alle, " * 4000

    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:
            bob.hears_texts("story")
            content = []

            def files(reader, identity):
                async def read():
                    content.append((identity, reader.info.name, b"".join([chunk async for chunk in reader])))

                bob.run(read())

            bob.room.register_byte_stream_handler("files", files)
            await ann.local.send_text(text, topic="story", attributes={"k": "v"})
            await bob.until(lambda: bob.texts, what="the text")
            assert bob.texts == [("ann", {"k": "v"}, text)]
            writer = await ann.local.stream_bytes("data.bin", topic="files")
            await writer.write(bytes(50_000))
            await writer.aclose()
            await bob.until(lambda: content, what="the file")
            assert content == [("ann", "data.bin", bytes(50_000))]

    run(scenario())


@modes
def test_remote_procedure_calls(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann, Client(server, room, "bob", mode) as bob:

            @bob.local.register_rpc_method("greet")
            async def greet(call):
                return f"hello {call.caller_identity}, {call.payload}"

            @bob.local.register_rpc_method("refuse")
            async def refuse(call):
                raise rtc.RpcError(4711, "no", "details")

            await ann.event("participant_connected")
            answer = await ann.local.perform_rpc(destination_identity="bob", method="greet", payload="x" * 10_000)
            assert answer == "hello ann, " + "x" * 10_000
            with pytest.raises(rtc.RpcError) as refused:
                await ann.local.perform_rpc(destination_identity="bob", method="refuse", payload="")
            assert (refused.value.code, refused.value.message) == (4711, "no")
            with pytest.raises(rtc.RpcError) as unknown:
                await ann.local.perform_rpc(destination_identity="bob", method="nothing", payload="")
            assert unknown.value.code == 1400

    run(scenario())


# Participants


@modes
def test_names_metadata_and_attributes(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode, attributes={"from": "token"}) as ann:
            async with Client(server, room, "bob", mode) as bob:
                assert bob.room.remote_participants["ann"].attributes == {"from": "token"}
                await asyncio.wait_for(ann.local.set_attributes({"mood": "good", "from": ""}), 15)
                await bob.until(
                    lambda: bob.room.remote_participants["ann"].attributes == {"mood": "good"}, what="attributes")
                await asyncio.wait_for(ann.local.set_metadata("about me"), 15)
                await bob.until(lambda: bob.room.remote_participants["ann"].metadata == "about me", what="metadata")
                await asyncio.wait_for(ann.local.set_name("Anna"), 15)
                await bob.until(lambda: bob.room.remote_participants["ann"].name == "Anna", what="the name")

    run(scenario())


@modes
def test_leaving_is_seen_at_once_with_the_reason(server, room, mode):
    async def scenario():
        async with Client(server, room, "bob", mode) as bob:
            async with Client(server, room, "ann", mode) as ann:
                # Servers may let the others wait for news of those who publish nothing.
                await ann.publish()
                await bob.event("track_subscribed")
            (gone,) = await bob.event("participant_disconnected")
            assert gone.identity == "ann"
            assert gone.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED

    run(scenario())


@modes
def test_a_second_session_replaces_the_first(server, room, mode):
    async def scenario():
        async with Client(server, room, "bob", mode) as bob:
            first = Client(server, room, "ann", mode)
            await first.__aenter__()
            await bob.event("participant_connected")
            async with Client(server, room, "ann", mode) as second:
                (reason,) = await first.event("disconnected")
                assert reason == rtc.DisconnectReason.DUPLICATE_IDENTITY
                await second.publish()
                second.play_tone(700)
                await bob.hears("ann", 700)

    run(scenario())


@modes
def test_who_may_not_publish_cannot(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode, can_publish=False, can_publish_data=False) as ann:
            async with Client(server, room, "bob", mode) as bob:
                with pytest.raises(Exception):
                    await ann.publish()
                await ann.local.publish_data(b"x", topic="forbidden")
                await asyncio.sleep(0.5)
                assert not bob.happened("data_received")

    run(scenario(), 90)


# The signalling connection


@modes
def test_a_lost_signalling_connection_is_resumed_without_losing_anything(server, room, mode):
    async def scenario():
        async with Tap(server.port, host=server.host) as tap, Client(server, room, "bob", mode) as bob:
            async with Client(server, room, "ann", mode, url=tap.url) as ann:
                await ann.publish()
                ann.play_tone(500)
                await bob.hears("ann", 500)
                tap.cut()
                await ann.event("reconnecting")
                await ann.event("reconnected", 20)
                bob.forget_sound()
                await bob.hears("ann", 500)
                await ann.local.publish_data(b"still here", topic="x")
                await bob.event("data_received", where=lambda p: p.data == b"still here")
                await bob.local.publish_data(b"welcome back", topic="x")
                await ann.event("data_received", where=lambda p: p.data == b"welcome back")
                assert not bob.happened("participant_disconnected")
                await bob.publish()
                bob.play_tone(900)
                await ann.hears("bob", 900)

    run(scenario())


@pytest.mark.skipif(bool(DEPLOYMENT), reason="a deployment is not restarted")
def test_after_a_restart_of_the_server_clients_come_back_by_themselves():
    async def scenario():
        with RoomServer() as first:
            ann = await Client(first, "again", "ann").__aenter__()
            await ann.publish()
            first.kill()
            with RoomServer(first.port) as second:
                await ann.event("reconnected", 40)
                async with Client(second, "again", "bob") as bob:
                    ann.play_tone(500)
                    await bob.hears("ann", 500, 20)
            await ann.__aexit__()

    run(scenario(), 90)


# HTTP


def get(server, path, bearer=None):
    request = urllib.request.Request(server.http + path)
    if bearer:
        request.add_header("Authorization", "Bearer " + bearer)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_statuses_of_plain_requests(server, room):
    good = token("ann", room)
    assert get(server, "/") == (200, "OK")
    assert get(server, "/rtc/validate", good) == (200, "success")
    assert get(server, f"/rtc/validate?access_token={good}") == (200, "success")
    assert get(server, "/rtc/v1/validate", good)[0] == 400
    assert get(server, "/rtc", good)[0] == 404
    assert get(server, "/rtc/v1", good)[0] == 404
    assert get(server, "/agent", good)[0] == 404
    assert get(server, "/rtc/validate")[0] == 401
    assert get(server, "/rtc/validate", good + "x")[0] == 401
    nowhere = api.AccessToken(KEY, SECRET).with_identity("ann").with_grants(api.VideoGrants(room_join=False))
    assert get(server, "/rtc/validate", nowhere.to_jwt())[0] == 401
    grants = api.VideoGrants(room_join=True, room=room)
    wrong = api.AccessToken(KEY, "another").with_identity("ann").with_grants(grants).to_jwt()
    assert get(server, "/rtc/validate", wrong)[0] == 401
    assert get(server, "/settings/regions")[0] == 404


def test_the_server_api(server, room):
    async def scenario():
        async with server_api(server) as lk, Client(server, room, "ann") as ann, Client(server, room, "bob") as bob:
            created = await lk.room.create_room(api.CreateRoomRequest(name=room + "-new", metadata="m", empty_timeout=9))
            assert created.sid.startswith("RM_") and created.metadata == "m" and created.empty_timeout == 9
            assert (await lk.room.create_room(api.CreateRoomRequest(name=room + "-new"))).sid == created.sid
            names = {r.name for r in (await lk.room.list_rooms(api.ListRoomsRequest())).rooms}
            assert {room, room + "-new"} <= names
            people = (await lk.room.list_participants(api.ListParticipantsRequest(room=room))).participants
            assert sorted(p.identity for p in people) == ["ann", "bob"]
            assert (await lk.room.list_participants(api.ListParticipantsRequest(room="none"))).participants == []
            one = await lk.room.get_participant(api.RoomParticipantIdentity(room=room, identity="ann"))
            assert one.name == "Ann"
            await lk.room.send_data(
                api.SendDataRequest(room=room, data=b"hello", topic="api", destination_identities=["bob"]))
            (packet,) = await bob.event("data_received")
            assert packet.data == b"hello" and packet.participant is None and packet.topic == "api"
            await lk.room.update_participant(
                api.UpdateParticipantRequest(room=room, identity="ann", metadata="new", attributes={"a": "1"}))
            await bob.until(lambda: bob.room.remote_participants["ann"].attributes.get("a") == "1", what="attributes")
            await lk.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="topic"))
            await bob.event("room_metadata_changed")
            publication, _ = await ann.publish()
            await bob.event("track_published")
            await lk.room.mute_published_track(
                api.MuteRoomTrackRequest(room=room, identity="ann", track_sid=publication.sid, muted=True))
            await bob.event("track_muted")
            await lk.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="ann"))
            (reason,) = await ann.event("disconnected")
            assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
            await lk.room.delete_room(api.DeleteRoomRequest(room=room))
            (reason,) = await bob.event("disconnected")
            assert reason == rtc.DisconnectReason.ROOM_DELETED
            for call, request in (
                (lk.room.remove_participant, api.RoomParticipantIdentity(room=room, identity="nobody")),
                (lk.room.delete_room, api.DeleteRoomRequest(room="none")),
            ):
                with pytest.raises(api.TwirpError) as missing:
                    await call(request)
                assert missing.value.code == "not_found"

    run(scenario())


def test_json_requests_are_answered_in_json(server):
    grant = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room_create=True)).to_jwt()
    request = urllib.request.Request(
        server.http + "/twirp/livekit.RoomService/CreateRoom",
        json.dumps({"name": "json", "emptyTimeout": 5, "unknown": 1}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + grant})
    with urllib.request.urlopen(request, timeout=5) as answer:
        body = json.load(answer)
    assert body["name"] == "json" and body["empty_timeout"] == 5 and body["metadata"] == ""
    request = urllib.request.Request(
        server.http + "/twirp/livekit.RoomService/ListRooms", b"{}",
        {"Content-Type": "application/json", "Authorization": "Bearer " + grant})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 401
    assert json.load(refused.value)["code"] == "unauthenticated"


# The parrot

has_parrot = pytest.mark.skipif(bool(DEPLOYMENT), reason="only the development room server has a parrot")


async def dispatch(lk, room, agent="polly"):
    return await lk.agent_dispatch.create_dispatch(
        api.CreateAgentDispatchRequest(agent_name=agent, room=room, metadata="{}"))


@has_parrot
@modes
def test_the_parrot_says_what_it_heard(server, room, mode):
    async def scenario():
        async with server_api(server) as lk, Client(server, room, "ann", mode) as ann:
            ann.hears_texts("lk.transcription")
            await ann.publish()
            made = await dispatch(lk, room)
            (parrot,) = await ann.event("participant_connected")
            assert parrot.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            assert parrot.attributes["lk.agent_name"] == "polly"
            await ann.event("track_subscribed", where=lambda t, p, who: p.name == "roomio_audio")
            await ann.play(silence(0.5))
            await ann.play(tone(600, 1.5))
            await ann.play(silence(3))
            states = [changed["lk.agent.state"] for changed, _ in ann.happened("participant_attributes_changed")]
            assert states[-3:] == ["thinking", "speaking", "listening"]
            loud = ann.loud_times(parrot.identity)
            assert loud[-1] - loud[0] == pytest.approx(1.5, abs=0.25)
            (user,) = [t for t in ann.texts if t[0] == "ann" and t[1]["lk.transcription_final"] == "true"]
            assert user[2] in [f"({s} seconds of speech)" for s in ("1.4", "1.5", "1.6")]
            agent = [t for t in ann.texts if t[0] == parrot.identity]
            assert len(agent) == 1 and user[2][1:12] in agent[0][2]
            listed = await lk.agent_dispatch.list_dispatch(room)
            assert [d.id for d in listed if d.agent_name] == [made.id]

    run(scenario())


@has_parrot
def test_the_parrot_stops_when_the_caller_speaks_over_it(server, room):
    async def scenario():
        async with server_api(server) as lk, Client(server, room, "ann") as ann:
            await ann.publish()
            await dispatch(lk, room)
            (parrot,) = await ann.event("participant_connected")
            await ann.event("track_subscribed")
            await ann.play(tone(600, 3))
            await ann.play(silence(1.6))
            speaking = len(ann.loud_times(parrot.identity))
            assert speaking > 0
            await ann.play(tone(900, 0.5))
            quiet_from = len(ann.loud_times(parrot.identity))
            await ann.play(silence(0.5))
            # What is heard now is at most what was under way when the caller began.
            assert len(ann.loud_times(parrot.identity)) - quiet_from < 15

    run(scenario())


@has_parrot
def test_the_parrot_answers_written_messages(server, room):
    async def scenario():
        async with server_api(server) as lk, Client(server, room, "ann") as ann:
            ann.hears_texts("lk.transcription")
            await ann.publish()
            await dispatch(lk, room)
            (parrot,) = await ann.event("participant_connected")
            await ann.event("track_subscribed")
            await ann.local.send_text("how are you", topic="lk.chat")
            await ann.until(lambda: ann.texts, what="an answer")
            assert ann.texts[0][0] == parrot.identity and "how are you" in ann.texts[0][2]
            assert len(ann.loud_times(parrot.identity, 200)) > 20

    run(scenario())


@has_parrot
def test_a_dispatch_in_the_token_brings_the_parrot_and_its_deletion_sends_it_away(server, room):
    async def scenario():
        async with server_api(server) as lk:
            ann = Client(server, room, "ann")
            ann.token = (
                api.AccessToken(KEY, SECRET).with_identity("ann")
                .with_grants(api.VideoGrants(room_join=True, room=room))
                .with_room_config(api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="polly")]))
                .to_jwt())
            async with ann:
                await ann.event("participant_connected")
                (made,) = await lk.agent_dispatch.list_dispatch(room)
                await lk.agent_dispatch.delete_dispatch(made.id, room)
                await ann.event("participant_disconnected")

    run(scenario())


# Processes that die

DYING = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from support.sdk_client import Client

class Server:
    url = sys.argv[2]

async def main():
    async with Client(Server, sys.argv[3], "ann", sys.argv[4]) as ann:
        await ann.publish()
        ann.play_tone(500)
        print("playing", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@modes
def test_a_client_that_is_killed_is_gone_for_the_others_after_twenty_seconds(server, room, mode):
    async def scenario():
        async with Client(server, room, "bob") as bob:
            victim = await asyncio.create_subprocess_exec(
                sys.executable, "-c", DYING, str(Path(__file__).parent), server.url, room, mode,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
            try:
                await victim.stdout.readline()
                await bob.hears("ann", 500)
            finally:
                victim.kill()
                await victim.wait()
            started = time.monotonic()
            (gone,) = await bob.event("participant_disconnected", 30)
            assert gone.disconnect_reason == rtc.DisconnectReason.CONNECTION_TIMEOUT
            # Fifteen seconds of silence, then five to resume (LiveKit's own server takes as long).
            assert 15 < time.monotonic() - started < 25

    run(scenario())


def test_clients_that_signal_in_json_are_answered_in_json(server, room):
    async def scenario():
        async with aiohttp.ClientSession() as http:
            address = f"{server.http}/rtc?access_token={token('ann', room)}&protocol=17"
            async with http.ws_connect(address) as socket:
                assert (await socket.receive()).type == aiohttp.WSMsgType.BINARY
                await socket.send_str(json.dumps({"pingReq": {"timestamp": "5"}}))
                while True:
                    message = await asyncio.wait_for(socket.receive(), 5)
                    if message.type == aiohttp.WSMsgType.TEXT and "pongResp" in (answer := json.loads(message.data)):
                        break
                assert answer["pongResp"]["lastPingTimestamp"] == "5"
                await socket.send_str(json.dumps({"leave": {"reason": "CLIENT_INITIATED"}}))
                while (message := await asyncio.wait_for(socket.receive(), 5)).type == aiohttp.WSMsgType.TEXT:
                    last = json.loads(message.data)
                assert last["leave"]["reason"] == "CLIENT_INITIATED"
                assert message.data == 1000

    run(scenario())


@pytest.mark.parametrize("garbage", ["this is not JSON", b"\xff\xff\xff"], ids=["text", "binary"])
def test_a_client_that_signals_garbage_is_disconnected(server, room, garbage):
    async def scenario():
        async with aiohttp.ClientSession() as http:
            async with http.ws_connect(f"{server.http}/rtc?access_token={token('ann', room)}&protocol=17") as socket:
                assert (await socket.receive()).type == aiohttp.WSMsgType.BINARY
                await (socket.send_str(garbage) if isinstance(garbage, str) else socket.send_bytes(garbage))
                # What was under way comes first, in the form that the client used last.
                under_way = (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT)
                while (message := await asyncio.wait_for(socket.receive(), 5)).type in under_way:
                    pass
                assert message.type == aiohttp.WSMsgType.CLOSE and message.data == 1000

    run(scenario())


@modes
def test_a_new_token_follows_each_change_of_what_tokens_say(server, room, mode):
    async def scenario():
        async with Client(server, room, "ann", mode) as ann:
            tokens = []
            ann.room.on("token_refreshed", lambda: tokens.append(1))
            # The first token comes with the join.
            await asyncio.sleep(0.3)

            async def brings_a_token(change):
                before = len(tokens)
                await change
                await ann.until(lambda: len(tokens) > before, what="a token")

            await brings_a_token(ann.local.set_metadata("about me"))
            await brings_a_token(ann.local.set_name("Anna"))
            permission = api.ParticipantPermission(can_subscribe=True, can_publish=False, can_publish_data=True)
            async with server_api(server) as lk:
                await brings_a_token(
                    lk.room.update_participant(
                        api.UpdateParticipantRequest(room=room, identity="ann", permission=permission)))

    run(scenario())
