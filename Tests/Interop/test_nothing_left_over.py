"""A short form of `make soak`, so that a leak is noticed with the next commit."""

from soak import soak, verdict


async def test_calls_leave_no_descriptor_thread_or_memory_behind():
    result = await soak(callers=8, seconds=12)
    assert result["calls"] >= 8
    assert verdict(result) == []
