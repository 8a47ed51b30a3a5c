"""Room servers with which nothing works, each in its own way."""

import asyncio
import datetime
import ssl

from aiohttp import web

from support.processes import free_port


class Silent:
    """Accepts connections and says nothing."""

    async def start(self) -> "Silent":
        self.port = free_port()
        self.writers = []
        self._server = await asyncio.start_server(lambda _, writer: self.writers.append(writer), "127.0.0.1", self.port)
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in self.writers:
            writer.close()


class Website:
    """An HTTP server that is no LiveKit.

    refusal: the answer to calls of the server API, with a clock that is so many seconds off; None for 404.
    """

    def __init__(self, refusal: str | None = None, seconds: int = 0, certificate=None) -> None:
        self.refusal, self.seconds, self.certificate = refusal, seconds, certificate

    async def answer(self, request: web.Request) -> web.Response:
        time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.seconds)
        headers = {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if request.method == "GET":
            return web.Response(text="OK", headers=headers)
        if self.refusal:
            answer = {"code": "unauthenticated", "msg": self.refusal}
            return web.json_response(answer, status=401, headers=headers)
        return web.Response(text="<html>not here</html>", status=404, headers=headers)

    async def start(self) -> "Website":
        self.port = free_port()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context).start()
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()
