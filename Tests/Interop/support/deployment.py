"""The files of docker/ and deploy/, read the way that Docker, compose and Kubernetes read them, and rules for them."""

import copy
import functools
import json
import pathlib
import re

import yaml

from support.processes import ROOT


@functools.cache
def settings() -> dict[str, str]:
    """The gateway's settings with their defaults, by docs/configuration.md."""
    text = (ROOT / "docs/configuration.md").read_text()
    return dict(re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| ([^|]+?) \|", text, re.M))


def number_of(setting: str) -> int:
    return int(re.match(r"\d+", settings()[setting]).group())


@functools.cache
def metrics() -> dict[str, str]:
    """The gateway's metrics with their types, by docs/metrics.md."""
    text = (ROOT / "docs/metrics.md").read_text()
    return dict(re.findall(r"^\| `(voicegateway_\w+)` \| (\w+) \|", text, re.M))


def seconds(text: str) -> int:
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def is_pinned(image: str) -> bool:
    """A tag with a number in it, so that tomorrow's image is today's."""
    name, _, tag = image.rpartition(":")
    return bool(name) and "/" not in tag and tag != "latest" and bool(re.search(r"\d", tag))


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """(name, value) of each instruction; a continued one is one line, and comments are left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def faults_of_dockerfile(dockerfile: str, context: pathlib.Path) -> list[str]:
    faults, stages, last = [], set(), {}
    for name, value in instructions(dockerfile):
        last[name] = value
        if name == "FROM":
            last = {}
            image, _, stage = value.partition(" AS ")
            if image not in stages and not is_pinned(image):
                faults.append(f"FROM {image}: no tag that stays what it is")
            stages.add(stage)
        elif name == "ADD":
            faults.append("ADD: COPY does what it says")
        elif name == "ENV" and re.search(r"(KEY|SECRET|PASSWORD|TOKEN)\w*=", value):
            faults.append("ENV: a secret is in every image")
        elif name == "COPY" and "--from" not in value:
            faults += [f"COPY {source}: not there" for source in value.split()[:-1] if not (context / source).exists()]
        elif name == "RUN":
            if "apt-get install" in value:
                if not re.search(r"apt-get update\s*&& apt-get install", value):
                    faults.append("apt-get install: of lists that are as old as the layer below")
                if "--no-install-recommends" not in value or not re.search(r" --yes| -y", value):
                    faults.append("apt-get install: asks, or brings what is not needed")
            if re.search(r"apt-get|scripts/bootstrap", value) and "rm -rf /var/lib/apt/lists/*" not in value:
                faults.append("apt-get: its lists stay in the image")
            if "pip install" in value:
                packages = [word for word in value.split("pip install", 1)[1].split("&&")[0].split() if word[0] != "-"]
                faults += [f"pip install {package}: no version" for package in packages if "==" not in package]
                if "--no-cache-dir" not in value:
                    faults.append("pip install: its cache stays in the image")
            if re.search(r"\bsudo\b|(curl|wget)\b[^|]*\| *(ba)?sh", value):
                faults.append(f"RUN {value}: trusts whatever is there today")
    if not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", last.get("USER", "")):
        faults.append("USER: root, or a name that Kubernetes cannot tell from root")
    if "HEALTHCHECK" not in last:
        faults.append("HEALTHCHECK: nobody says how it is")
    for name in ("ENTRYPOINT", "CMD"):
        if name in last and not isinstance(_json(last[name]), list):
            faults.append(f"{name}: a shell would be the first process, and SIGTERM its own")
    return faults


def _json(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return None


def _merged(base: dict, more: dict) -> dict:
    result = copy.deepcopy(base)
    for key, value in more.items():
        result[key] = _merged(result[key], value) if isinstance(result.get(key), dict) and isinstance(value, dict) else value
    return result


def compose_services(file: pathlib.Path) -> dict[str, dict]:
    """The services of a compose file with what they extend put in."""

    def resolved(file: pathlib.Path, name: str) -> dict:
        service = dict(yaml.safe_load(file.read_text())["services"][name])
        if extended := service.pop("extends", None):
            base = resolved(file.parent / extended.get("file", file.name), extended["service"])
            service = _merged(base, service)
        return service

    return {name: resolved(file, name) for name in yaml.safe_load(file.read_text())["services"]}
