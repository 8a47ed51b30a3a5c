"""Headless Chromium with a microphone that plays a WAV file, driven over its own debugging protocol."""

import asyncio
import json
import pathlib
import shutil
import tempfile

import aiohttp

from support.processes import Program

PROGRAM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


class Chromium:
    """Use as `async with Chromium(microphone) as browser: page = await browser.open(url)`."""

    def __init__(self, microphone: pathlib.Path) -> None:
        self.microphone = microphone

    async def __aenter__(self) -> "Chromium":
        assert PROGRAM, "Chromium is not installed: scripts/bootstrap --tests does it"
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        flags = [
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={self._profile.name}",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={self.microphone}%noloop",
            "--autoplay-policy=no-user-gesture-required",
            # A machine without a sound card: samples are still taken in real time.
            "--disable-audio-output",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--disable-sync",
            "--no-default-browser-check",
            "--no-first-run",
            "--no-proxy-server",
            # Containers and root have no sandbox to offer; the only page is ours.
            "--no-sandbox",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        self.program = await Program(PROGRAM, *flags, "about:blank").start()
        address = (await self.program.says("DevTools listening on ", within=60)).split(" on ", 1)[1].strip()
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(address, max_msg_size=0)
        self._answers: dict[int, asyncio.Future] = {}
        self._number = 0
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        self._reading.cancel()
        await self._socket.close()
        await self._http.close()
        await self.program.stop()
        self._profile.cleanup()

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            if waiting := self._answers.pop(answer.get("id"), None):
                if not waiting.done():
                    waiting.set_result(answer)

    async def command(self, method: str, session: str | None = None, within: float = 60, **parameters) -> dict:
        """One command of the debugging protocol and its result."""
        self._number += 1
        waiting = self._answers[self._number] = asyncio.get_running_loop().create_future()
        command = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send_json(command | ({"sessionId": session} if session else {}))
        answer = await asyncio.wait_for(waiting, within)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    async def open(self, url: str, before: str = "") -> "Page":
        """A page at an address; `before` is a script that runs in it before anything of its own."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], target["targetId"])
        await self.command("Page.enable", page.session)
        if before:
            await self.command("Page.addScriptToEvaluateOnNewDocument", page.session, source=before)
        await self.command("Page.navigate", page.session, url=url)
        await page.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


class Page:
    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self.browser, self.session, self.target = browser, session, target

    async def close(self) -> None:
        await self.browser.command("Target.closeTarget", targetId=self.target)

    async def evaluate(self, expression: str, within: float = 60):
        """The value of an expression, awaited if it is a promise."""
        result = await self.browser.command(
            "Runtime.evaluate", self.session, within, expression=expression, awaitPromise=True, returnByValue=True,
            userGesture=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    async def until(self, condition: str, within: float = 30, show: str = "''"):
        """Waits until an expression is true, and returns its value."""
        deadline = asyncio.get_running_loop().time() + within
        while not (value := await self.evaluate(condition)):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"never true within {within} s: {condition}; {await self.evaluate(show)}")
            await asyncio.sleep(0.05)
        return value
