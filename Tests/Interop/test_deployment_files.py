"""The files of docker/ and deploy/ are valid by the schemas of those who read them, agree with one another, with the gateway's
settings and with its metrics. Needs no gateway."""

import json
import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from support.deployment import (
    compose_services, faults_of_dockerfile, is_pinned, metrics, number_of, seconds, settings,
)
from support.processes import ROOT

DOCKERFILES = sorted((ROOT / "docker").glob("**/Dockerfile"))
COMPOSE = sorted((ROOT / "docker/compose").glob("*.yaml"))
KUBERNETES = sorted([*(ROOT / "deploy/kubernetes").glob("*.yaml"), ROOT / "deploy/kubernetes/secret.example"])


def relative(path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("file", DOCKERFILES, ids=relative)
def test_a_dockerfile_has_no_fault(file):
    assert faults_of_dockerfile(file.read_text(), ROOT) == []


def test_a_dockerfile_with_every_fault_has_every_one_told():
    faulty = """
FROM debian
ADD https://example.com/program /program
COPY no-such-folder /somewhere
ENV API_KEY=secret
RUN apt-get install curl
RUN pip install requests
RUN curl https://example.com/install | sh
CMD serve
"""
    told = "\n".join(faults_of_dockerfile(faulty, ROOT))
    for fault in ("FROM debian", "ADD", "no-such-folder", "ENV", "as old as", "asks", "lists stay", "requests: no version",
                  "cache stays", "today", "USER", "HEALTHCHECK", "CMD"):
        assert fault in told, fault


def test_compose_files_are_valid_by_the_specification():
    subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE], check=True)


@pytest.mark.parametrize("file", COMPOSE, ids=relative)
def test_a_compose_file_names_only_what_is_there(file):
    document, services = yaml.safe_load(file.read_text()), compose_services(file)
    for name, service in services.items():
        assert is_pinned(service["image"]), name
        if build := service.get("build"):
            assert (file.parent / build["context"] / build["dockerfile"]).is_file(), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            there = (file.parent / source).exists() if source.startswith(".") else source in document["volumes"]
            assert there, f"{name}: {source}"
        for config in service.get("configs", []):
            assert config["source"] in document["configs"], name
        # What services.yaml offers is complete only where it is used.
        for other in service.get("depends_on", []) if file.name != "services.yaml" else []:
            assert other in services, f"{name} waits for {other}"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") or name == "nginx", f"{name} is open to the world without TLS: {port}"


@pytest.mark.parametrize("file", COMPOSE, ids=relative)
def test_gateways_of_a_compose_file_have_settings_that_exist_and_the_time_to_drain(file):
    gateways = [service for service in compose_services(file).values() if service["image"].startswith("voicegateway:")]
    assert gateways
    for service in gateways:
        assert set(service["environment"]) <= set(settings())
        assert seconds(service["stop_grace_period"]) >= int(service["environment"]["DRAIN_SECONDS"]) + 10


@pytest.mark.parametrize("file", COMPOSE, ids=relative)
def test_what_we_build_writes_nothing_and_may_do_nothing_else(file):
    for name, service in compose_services(file).items():
        if "build" in service:
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_agents_image_has_the_packages_that_the_tests_run():
    pins = re.findall(r"(livekit-[\w-]+==[\d.]+)", (ROOT / "docker/agent/Dockerfile").read_text())
    assert len(pins) == 2 and set(pins) <= set((ROOT / "Tests/Interop/requirements.txt").read_text().split())


@pytest.mark.parametrize("version", ["1.29", "1.37"])
@pytest.mark.parametrize("file", KUBERNETES, ids=relative)
def test_a_kubernetes_manifest_is_valid(file, version):
    for document in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_manifests_agree_with_one_another_and_with_the_gateway():
    found = {}
    for file in KUBERNETES:
        document = yaml.safe_load(file.read_text())
        found[document["kind"]] = document
    deployment = found["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    [container] = pod["containers"]
    labels = deployment["template"]["metadata"]["labels"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    secret = found["Secret"]

    for selector in (
        deployment["selector"]["matchLabels"], found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert set(environment) | set(secret["stringData"]) <= set(settings())
    for metric in found["HorizontalPodAutoscaler"]["spec"]["metrics"]:
        assert metric["type"] == "Resource" or metric["pods"]["metric"]["name"] in metrics()

    [port] = container["ports"]
    assert port["containerPort"] == int(settings()["PORT"])
    [rule] = found["NetworkPolicy"]["spec"]["ingress"]
    assert [entry["port"] for entry in rule["ports"]] == [port["containerPort"]]
    [served] = found["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    for path in (path for rule in found["Ingress"]["spec"]["rules"] for path in rule["http"]["paths"]):
        assert path["backend"]["service"] == {"name": found["Service"]["metadata"]["name"], "port": {"name": served["name"]}}

    assert pod["terminationGracePeriodSeconds"] == int(environment["DRAIN_SECONDS"]) + 10
    ready = container["readinessProbe"]
    assert int(environment["DRAIN_NOTICE"]) > ready["periodSeconds"] * ready["failureThreshold"]
    assert ready["httpGet"]["path"] == "/health/ready"
    # A room server that is away must not end calls.
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert "lifecycle" not in container
    version = re.search(r'version = "([\d.]+)"', (ROOT / "Sources/Cores/Wire/Product.swift").read_text()).group(1)
    assert container["image"].endswith(f"/voicegateway:{version}")


def test_the_unit_waits_for_the_default_drain_and_has_files_for_the_default_number_of_calls():
    unit = (ROOT / "deploy/systemd/voicegateway.service").read_text()
    assert f"TimeoutStopSec={number_of('DRAIN_SECONDS') + 10}\n" in unit
    assert int(re.search(r"LimitNOFILE=(\d+)", unit).group(1)) > 5 * number_of("MAX_CONNECTIONS")


def test_the_settings_of_the_package_exist():
    text = (ROOT / "deploy/debian/voicegateway.env").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", text, re.M))
    assert "LIVEKIT_URL" in named and named <= set(settings())


def expressions() -> list[str]:
    """What the alerts and the dashboard ask Prometheus."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    panels = json.loads((ROOT / "deploy/grafana/voicegateway.json").read_text())["panels"]
    return [rule["expr"] for group in rules for rule in group["rules"]] + [
        target["expr"] for panel in panels for target in panel["targets"]]


def test_alerts_and_dashboard_name_metrics_and_reasons_that_exist():
    series = {
        name + suffix for name, kind in metrics().items()
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}
    documents = (ROOT / "docs/metrics.md").read_text() + (ROOT / "docs/access.md").read_text()
    for expression in expressions():
        names = set(re.findall(r"voicegateway_\w+", expression))
        assert names <= series, expression
        for values in re.findall(r'(?:reason|direction)=~?"([^"]+)"', expression):
            for value in values.split("|"):
                assert f"`{value}`" in documents, expression
