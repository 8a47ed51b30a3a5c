"""Debian's Prometheus with the configuration and alerts of deploy/: it scrapes a gateway and understands what dashboard and
alerts ask."""

import asyncio
import shutil
import subprocess

import aiohttp

from support.balancers import shipped
from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import ROOT, Program, answers, free_port
from test_deployment_files import expressions

FOLDER = ROOT / "deploy/prometheus"


def test_alerts_fire_when_they_should_and_only_then():
    subprocess.run(["promtool", "check", "rules", "alerts.yml"], cwd=FOLDER, check=True)
    subprocess.run(["promtool", "test", "rules", "alerts.test.yml"], cwd=FOLDER, check=True)


async def test_prometheus_scrapes_a_gateway_and_answers_what_dashboard_and_alerts_ask(programs, gateway, tmp_path):
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    (tmp_path / "prometheus.yml").write_text(shipped("prometheus/prometheus.yml", {
        "127.0.0.1:3001, 127.0.0.1:3002": f"127.0.0.1:{gateway.port}", "scrape_interval: 15s": "scrape_interval: 1s"}))
    port = free_port()
    prometheus = await programs(Program(
        "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}"))
    await answers(prometheus, port)

    async with aiohttp.ClientSession() as http, VoiceClient(gateway.url, identity="alice") as alice:

        async def ask(query: str) -> list:
            async with http.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}) as answer:
                body = await answer.json()
                assert body["status"] == "success", (query, body)
                return body["data"]["result"]

        async def until(query: str) -> None:
            deadline = asyncio.get_running_loop().time() + 20
            while not await ask(query):
                assert asyncio.get_running_loop().time() < deadline, query
                await asyncio.sleep(0.2)

        await says_it_back(alice)
        await until("voicegateway_clients == 1 and on (instance) up == 1")
        await until('voicegateway_audio_packets_total{direction="down"} > 10')
        for expression in expressions():
            await ask(expression.replace("$instance", ".*"))
        assert not await ask("ALERTS")
