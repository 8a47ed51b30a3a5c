"""The room server's built-in agent as a yardstick: it hears a sentence and says it back."""

from support.client import VoiceClient
from support.sounds import audible_seconds, silence, spoken


async def says_it_back(client: VoiceClient, sentence: str = "good morning to everybody") -> None:
    """Speaks a sentence to the parrot and waits until most of it has come back as sound."""
    await client.event("agent_state", state="listening")
    before = audible_seconds(client.samples, client.rate_out)
    words = spoken(sentence, client.rate_in)
    await client.speak(words)
    await client.speak(silence(0.2, client.rate_in))
    wanted = before + 0.7 * audible_seconds(words, client.rate_in)
    await client.until(lambda: audible_seconds(client.samples, client.rate_out) >= wanted, what="the sentence")
