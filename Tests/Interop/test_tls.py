"""Clients over TLS: wss:// and https:// without a proxy in front."""

import asyncio
import json
import os
import ssl
import subprocess

import aiohttp
import pytest
import pytest_asyncio

from support.nginx import Certificates
from support.parrot import says_it_back
from support.client import VoiceClient
from support.processes import Gateway
from support.xiaozhi import MAC, Device


class SecureGateway(Gateway):
    """A gateway with a certificate for localhost."""

    def __init__(self, certificates: Certificates, *arguments, **environment) -> None:
        certificates.make("gateway", "localhost")
        folder = certificates.folder
        super().__init__(
            *arguments, TLS_CERT=folder / "gateway.pem", TLS_KEY=folder / "gateway.key", **environment
        )
        self.url = f"wss://localhost:{self.port}/ws"
        self.trust = ssl.create_default_context(cafile=certificates.authority)

    @property
    def http_url(self) -> str:
        return f"https://localhost:{self.port}"


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


@pytest_asyncio.fixture
async def gateway(programs, certificates):
    return await programs(SecureGateway(certificates))


def serial(gateway: SecureGateway) -> str:
    """Of the certificate that new connections get."""
    pem = ssl.get_server_certificate(("localhost", gateway.port))
    done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True)
    return done.stdout


async def test_a_client_talks_over_wss_and_is_told_wss_addresses(gateway):
    await gateway.says(f"wss://127.0.0.1:{gateway.port}/ws")
    async with VoiceClient(gateway.url, tls=gateway.trust, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=gateway.trust)) as http:
        async with http.post(f"{gateway.http_url}/session", json={"userIdentity": "ann"}) as answer:
            assert (await answer.json())["websocketUrl"].startswith(f"wss://localhost:{gateway.port}/")


async def test_plain_http_on_a_tls_port_and_tls_on_a_plain_one_are_answered_by_a_sentence(programs, gateway):
    async with aiohttp.ClientSession() as http, http.get(f"http://localhost:{gateway.port}/health") as answer:
        assert answer.status == 400 and "TLS is spoken on this port: use https:// or wss://" in await answer.text()
    await gateway.says("the client speaks plain HTTP to a port with TLS")
    plain = await programs(Gateway())
    reader, writer = await asyncio.open_connection("127.0.0.1", plain.port)
    writer.write(bytes.fromhex("16030100050100000103"))
    assert b"No TLS is spoken on this port: use http:// or ws://" in await reader.read()
    writer.close()
    await plain.says("TLS_CERT is not set")


async def test_a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not(gateway, certificates):
    before = serial(gateway)
    async with VoiceClient(gateway.url, tls=gateway.trust, identity="alice") as alice:
        await alice.event("session")
        certificates.make("gateway", "localhost")
        await gateway.says("certificate read again")
        after = serial(gateway)
        assert after != before
        (certificates.folder / "gateway.key").write_text("not a key")
        line = await gateway.says("new certificate not used, the old one stays")
        assert "gateway.key" in line and serial(gateway) == after
        await says_it_back(alice)


async def test_where_clients_need_a_certificate_one_without_is_refused(programs, certificates):
    gateway = await programs(SecureGateway(certificates, TLS_CLIENT_CA=certificates.authority))
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        async with VoiceClient(gateway.url, tls=gateway.trust):
            pass
    await gateway.says("connection refused")
    certificates.make("device", "device-7")
    gateway.trust.load_cert_chain(certificates.folder / "device.pem", certificates.folder / "device.key")
    async with VoiceClient(gateway.url, tls=gateway.trust) as device:
        await device.event("session")


async def test_a_device_is_who_its_certificate_says_and_nobody_else(programs, certificates):
    gateway = await programs(SecureGateway(
        certificates, TLS_CLIENT_CA=certificates.authority, TLS_CLIENT_IDENTITY="device-{cn}", RESUME_GRACE_SECONDS=20,
        API_KEY_ENABLED="true", API_KEYS="a-key", AGENT_NAME=""))

    kitchen, garage = certificates.trust("kitchen"), certificates.trust("garage")
    # Callers with a key may name no identity, and this one comes by itself.
    async with VoiceClient(gateway.url, tls=kitchen, api_key="a-key") as device:
        session = await device.event("session")
        assert session["identity"] == "device-kitchen"
        await device.socket.close(code=3000)
    async with VoiceClient(gateway.url, tls=garage, session=session["resume_token"]) as thief:
        assert (await thief.event("error"))["code"] == "invalid_parameter"
        assert await thief.closed() == 4400
    async with VoiceClient(gateway.url, tls=kitchen, session=session["resume_token"]) as device:
        assert (await device.event("session"))["resumed"] is True
    async with VoiceClient(gateway.url, tls=garage, api_key="a-key", identity="device-kitchen") as thief:
        error = await thief.event("error")
        assert "device-garage" in error["message"]
        assert await thief.closed() == 4400
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=kitchen)) as http:
        async with http.post(
            f"{gateway.http_url}/session", json={"userIdentity": "device-kitchen"}, headers={"X-API-Key": "a-key"}
        ) as answer:
            token = (await answer.json())["userToken"]
    async with VoiceClient(gateway.url, tls=garage, access_token=token) as thief:
        assert await thief.closed() == 4400
    async with VoiceClient(gateway.url, tls=kitchen, access_token=token) as device:
        assert (await device.event("session"))["identity"] == "device-kitchen"


async def test_a_paired_device_needs_its_own_certificate_as_well(programs, certificates):
    pairings = certificates.folder / "devices"
    pairings.write_text(json.dumps({"id": MAC, "client_id": "c-1", "name": "Kitchen"}))
    gateway = await programs(SecureGateway(
        certificates, TLS_CLIENT_CA=certificates.authority, TLS_CLIENT_IDENTITY="{cn}", XIAOZHI_DEVICES=pairings,
        AGENT_NAME=""))
    own, other = certificates.trust("kitchen", MAC), certificates.trust("garage")
    ids = {"Device-Id": MAC, "Client-Id": "c-1"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=own)) as http:
        async with http.post(f"{gateway.http_url}/xiaozhi/ota/", headers=ids, json={}) as answer:
            bearer = {"Authorization": f"Bearer {(await answer.json())['websocket']['token']}"}
    async with Device(gateway.port, 1, tls=own, **bearer) as device:
        await device.message("hello")
        joined = await gateway.says("joined", within=20)
        assert f"identity={MAC}" in joined
    async with Device(gateway.port, 1, tls=other, **bearer) as thief:
        assert '"garage"' in (await thief.message("alert"))["message"]
        assert (await thief.message("closed"))["code"] == 1003
    # Whose certificate it is does not help who was never paired.
    async with Device(gateway.port, 1, tls=own, **bearer | {"Client-Id": "another"}) as stranger:
        assert (await stranger.message("closed"))["code"] == 4403


async def test_a_key_of_another_certificate_ends_the_start_with_a_sentence(programs, certificates):
    certificates.make("other", "localhost")
    gateway = SecureGateway(certificates)
    gateway.environment["TLS_KEY"] = str(certificates.folder / "other.key")
    await super(Gateway, gateway).start()
    assert await gateway.ends() == 2
    assert "it is not the key of the certificate in" in "\n".join(gateway.lines)
    await gateway.stop()


async def test_a_scanner_finds_nothing_to_complain_about(gateway, certificates):
    """testssl.sh from Debian: protocols, ciphers, forward secrecy, renegotiation, known attacks."""
    report = certificates.folder / "report.json"
    done = await asyncio.create_subprocess_exec(
        "testssl", "--quiet", "--color", "0", "--fast", "--protocols", "--std", "--fs", "--heartbleed", "--renegotiation",
        "--crime", "--jsonfile", report, f"localhost:{gateway.port}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"},
    )
    await asyncio.wait_for(done.wait(), 120)
    findings = json.loads(report.read_text())
    assert {"TLS1", "TLS1_1", "TLS1_2", "TLS1_3"} <= {finding["id"] for finding in findings}
    worse = [f for f in findings if f["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL")]
    assert not worse, worse
