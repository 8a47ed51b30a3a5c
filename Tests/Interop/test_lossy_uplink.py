"""A caller whose way to the room server loses packets, as a participant of the official SDK receives it."""

from support.client import VoiceClient
from support.lossy import LossyNetwork
from support.processes import KEY, SECRET, Gateway, RoomServer
from support.sdk_client import Client
from support.sounds import spoken

SENTENCES = (
    "Please send three boxes to sixteen Chestnut Street before the end of next week.",
    "The nearest pharmacy is open until half past nine, and the second one closes at seven.",
)


async def received(listener: Client):
    """What the SDK's receiver counts of the one track: all samples, and those that it had to invent."""
    (track, *_), *_ = listener.happened("track_subscribed")
    kinds = {entry.WhichOneof("stats"): entry for entry in await track.get_stats()}
    inbound = kinds["inbound_rtp"].inbound_rtp.inbound
    return inbound.total_samples_received, inbound.concealed_samples


async def test_while_a_tenth_of_the_packets_is_lost_hardly_any_sound_has_to_be_invented(programs):
    server = await programs(RoomServer())
    async with LossyNetwork(server.port, loss=0.1, delay=0.02) as network:
        gateway = await programs(
            Gateway(LIVEKIT_URL=network.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
        parameters = {"room": "lossy", "identity": "caller", "agent": ""}
        async with Client(server, "lossy", "listener") as listener, VoiceClient(gateway.url, **parameters) as caller:
            await caller.event("session")
            await listener.event("track_subscribed")
            # The first losses are not repaired: somebody has to report them.
            await caller.speak(spoken(SENTENCES[0]))
            total, invented = await received(listener)
            sent, lost = network.sent, network.lost
            await caller.speak(spoken(SENTENCES[1]))
            total, invented = (now - then for now, then in zip(await received(listener), (total, invented)))
            sent, lost = network.sent - sent, network.lost - lost
            assert lost > 0.06 * sent > 10
            assert total > 4 * 48_000
            assert invented < 0.3 * lost / sent * total
