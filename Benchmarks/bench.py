"""make bench: measures the gateway beside libopus alone, a bare relay (and other bridges) in one run, and judges it by
the goals.

Room server, gateway and load generator are processes of their own. Every figure is of one run on one machine; the goals
are ratios and delays, so that they mean the same on another one. A check that fails (sound lost, generator late, packets
missing, sessions dead) makes the run fail: a figure that cannot be believed is shown as such, and judges nothing.

Python's standard library only; the programs come from `make bench`, the Python bridge of --baseline from its own
requirements file.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / ".build/release"
KEY = os.environ.get("LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "secret")


# Processes


def free_port():
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


class Program:
    """A child process on some cores, whose lines are read as they come."""

    def __init__(self, name, command, cores=None, environment=None):
        if cores and shutil.which("taskset"):
            command = ["taskset", "-c", ",".join(map(str, cores)), *command]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")}
        self.name = name
        self.lines = []
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**clean, **(environment or {})}, cwd=tempfile.gettempdir(), preexec_fn=raise_priority,
        )
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip())
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_for(self, text, within):
        found = lambda: any(text in line for line in self.lines)
        with self.news:
            self.news.wait_for(lambda: found() or not self.reader.is_alive() or self.process.poll() is not None, within)
            if not found():
                raise Failure(f"{self.name} did not say \"{text}\": " + " | ".join(self.lines[-5:]))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(2)


class Failure(Exception):
    pass


REALTIME = False


def raise_priority():
    """With --realtime other programs of the machine disturb less; allowed to root only."""
    if REALTIME:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


# The stage: room server and gateway


class Stage:
    """A room server and a gateway (or another bridge), fresh for each measurement."""

    def __init__(self, options, bridge="gateway"):
        self.options = options
        self.programs = []
        try:
            self.start(bridge)
        except BaseException:
            self.close()
            raise

    def start(self, bridge):
        options = self.options
        if options.room_url:
            self.room_url, self.room = options.room_url, None
        else:
            port = free_port()
            self.room_url = f"ws://127.0.0.1:{port}"
            self.room = self.run(
                "room server",
                [PROGRAMS / "VoiceGateway", "dev-server", "--port", port, "--no-parrot", "--log-level", "error"],
                options.other_cores, {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET},
            )
            self.room.wait_for("Development room server", 20)
        self.port = free_port()
        environment = {"LIVEKIT_URL": self.room_url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
        if bridge == "gateway":
            command = [PROGRAMS / "VoiceGateway", "serve", "--port", self.port, "--host", "127.0.0.1",
                       "--log-level", "error", "--threads", len(options.gateway_cores)]
            self.bridge = self.run("gateway", command, options.gateway_cores, environment)
            self.bridge.wait_for("VoiceGateway at", 20)
        else:
            folder = ROOT / "Benchmarks/Baselines" / bridge
            command = [options.python, folder / "bridge.py", "--port", self.port]
            self.bridge = self.run(bridge, command, options.gateway_cores, environment)
            self.bridge.wait_for("Running on", 60)

    def run(self, name, command, cores, environment):
        program = Program(name, command, cores, environment)
        self.programs.append(program)
        return program

    def close(self):
        for program in reversed(self.programs):
            program.stop()

    def metrics(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return parse_metrics(answer.read().decode())
        except OSError:
            return {}


def parse_metrics(text):
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            values[name] = float(value)
    return values


def histogram(before, after, name, labels=""):
    """The counts of a histogram between two readings, as (upper end in ms, cumulative count)."""
    pattern = re.compile(re.escape(name) + r"_bucket\{" + re.escape(labels) + r",?le=\"([^\"]+)\"\}$")
    rows = []
    for key, value in after.items():
        if match := pattern.match(key):
            end = float("inf") if match[1] == "+Inf" else float(match[1]) * 1000
            rows.append((end, value - before.get(key, 0)))
    return sorted(rows)


def percentile(rows, fraction):
    """Of a histogram, in ms; evenly spread within a step, as Prometheus assumes."""
    total = rows[-1][1] if rows else 0
    if not total:
        return None
    rank = total * fraction
    low, below = 0.0, 0
    for end, count in rows:
        if count >= rank:
            return low if end == float("inf") else low + (end - low) * (rank - below) / max(count - below, 1e-9)
        low, below = end, count


class Passers:
    """Callers who connect and leave all the time, so many each second: every second another group comes, which says nothing and
    stays for a second after its last one has come."""

    def __init__(self, stage, options, each_second):
        self.stage, self.options, self.each_second = stage, options, each_second
        self.groups = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.come, daemon=True)
        self.thread.start()

    def come(self):
        while True:
            self.groups.append(Program(
                "callers who come and go",
                [PROGRAMS / "VoiceGateway", "load", f"ws://127.0.0.1:{self.stage.port}/ws", "--sessions", self.each_second,
                 "--rate", self.each_second, "--talking", 0, "--warm-up", 0, "--duration", 1],
                self.options.other_cores))
            if self.over.wait(1):
                return

    def stop(self):
        """What was wrong with them."""
        self.over.set()
        self.thread.join()
        for group in self.groups:
            group.process.wait(60)
            group.reader.join(2)
        return [" | ".join(group.lines[-3:]) for group in self.groups if group.process.returncode != 0]


# One measurement


def measure(options, name, *, sessions, talking=1.0, rest="nothing", form="pcm", duration=None, rate=None, warm_up=None,
            bridge="gateway", passers=0):
    """Runs the load generator against a fresh stage; what it found, the gateway's own counts, and what is wrong.

    `passers` more callers come and go each second meanwhile; their CPU time counts as the sessions'."""
    print(f"  {name} …", end="", flush=True)
    stage = Stage(options, bridge)
    try:
        return measure_on(stage, options, name, sessions, talking, rest, form, duration or options.duration,
                          rate or options.rate, options.warm_up if warm_up is None else warm_up, bridge, passers)
    finally:
        stage.close()


def measure_on(stage, options, name, sessions, talking, rest, form, duration, rate, warm_up, bridge, passers):
    path = pathlib.Path(tempfile.mkdtemp()) / "load.json"
    command = [PROGRAMS / "VoiceGateway", "load", f"ws://127.0.0.1:{stage.port}/ws", "--sessions", sessions,
               "--talking", talking, "--rest", rest, "--format", form, "--duration", duration, "--rate", rate,
               "--warm-up", warm_up, "--json", path, "--watch", stage.bridge.process.pid]
    if stage.room:
        command += ["--watch", stage.room.process.pid]
    busy = cpu_times()
    load = Program("load generator", command, options.other_cores)
    stage.programs.append(load)
    patience = sessions / rate + warm_up + duration + 60
    first = stage.metrics()
    load.wait_for(": measuring", patience)
    others = Passers(stage, options, passers) if passers else None
    before, began = stage.metrics(), cpu_times()
    load.wait_for(": draining", patience)
    after, ended = stage.metrics(), cpu_times()
    troubles = others.stop() if others else []
    load.process.wait(60)
    load.reader.join(5)
    if not path.exists():
        raise Failure(f"{name}: no result: " + " | ".join(load.lines[-5:]))
    found = json.loads(path.read_text())
    shutil.rmtree(path.parent)
    seconds = max(found["measured_seconds"], 1e-9)
    process = found["watched"][0]
    cpu = (process["cpu_user_seconds"] + process["cpu_system_seconds"]) / seconds * 1000
    row = {
        "name": name, "sessions": sessions, "talking": found["talking"], "rest": rest, "format": form,
        "seconds": seconds, "cpu_ms_per_session": cpu / sessions,
        "kernel_share": process["cpu_system_seconds"] * 1000 / seconds / max(cpu, 1e-9),
        "resident_before": process["resident_before"], "resident": process["resident_end"],
        "setup_ms": found["setup_ms"], "delay_ms": found["delay_ms"], "messages": found["messages"],
        "generator": found["generator"], "speech": found["speech"],
        "others_share": others_share(began, ended, found, seconds),
        "problems": [f"{check['name']}: {check['detail']}" for check in found["checks"] if not check["holds"]]
        + [f"callers who come and go: {trouble}" for trouble in troubles],
        "load": found,
    }
    if len(found["watched"]) > 1:
        room = found["watched"][1]
        row["room_cpu_ms_per_session"] = (
            (room["cpu_user_seconds"] + room["cpu_system_seconds"]) / seconds * 1000 / sessions)
    if bridge == "gateway" and after:
        row |= gateway_counts(first, before, after, row, form, reconciles=not passers)
    problems = row["problems"]
    print(f" {cpu / sessions:.2f} ms a session, {process['resident_end'] / 1e6:.0f} MB"
          + (f"   NOT VALID: {'; '.join(problems)}" if problems else ""), flush=True)
    return row


def gateway_counts(first, before, after, row, form, reconciles):
    counts = {}
    difference = lambda name: after.get(name, 0) - before.get(name, 0)
    up = difference('voicegateway_audio_packets_total{direction="up"}')
    down = difference('voicegateway_audio_packets_total{direction="down"}')
    counts["packets"] = {"up": up, "down": down}
    counts["concealed_ms"] = difference("voicegateway_audio_concealed_milliseconds_total")
    # Between the two readings some packets are always under way.
    if reconciles and abs(up - down) > max(20, 0.002 * up, row["sessions"] / 2):
        row["problems"].append(f"packets do not reconcile: {up:.0f} to the room, {down:.0f} from it")
    if counts["concealed_ms"] > 0.0005 * row["seconds"] * 1000 * row["sessions"]:
        row["problems"].append(f"packets lost: {counts['concealed_ms']:.0f} ms had to be invented")
    for direction in ["up", "down"]:
        rows = histogram(before, after, "voicegateway_audio_delay_seconds", f'direction="{direction}"')
        counts[f"delay_{direction}_ms"] = {"p50": percentile(rows, 0.5), "p99": percentile(rows, 0.99),
                                           "count": rows[-1][1] if rows else 0}
    rows = histogram(before, after, "voicegateway_loop_iteration_seconds")
    counts["iteration_ms"] = {"p50": percentile(rows, 0.5), "p99": percentile(rows, 0.99),
                              "p99.99": percentile(rows, 0.9999), "count": rows[-1][1] if rows else 0}
    rows = histogram(first, after, "voicegateway_published_seconds")
    counts["published_ms"] = {"p50": percentile(rows, 0.5), "p99": percentile(rows, 0.99)}
    return counts


def opus_alone(options, sessions, seconds):
    """Of the yardstick, and of what the gateway asks for (`operating`)."""
    print("  libopus alone …", end="", flush=True)
    found = opus_on(options.gateway_cores[0], sessions, seconds)
    found["paced_ms"] = opus_on(options.gateway_cores[0], sessions, seconds, "paced")["total_ms"]
    found["operating"] = opus_on(options.gateway_cores[0], sessions, seconds, "operating")
    print(f" {found['total_ms']:.2f} ms a session ({found['encode_ms']:.2f} + {found['decode_ms']:.2f}),"
          f" in real time {found['paced_ms']:.2f}; as the gateway asks for it {found['operating']['total_ms']:.2f}", flush=True)
    return found


def opus_on(core, *arguments):
    command = [PROGRAMS / "OpusAlone", *arguments]
    if shutil.which("taskset"):
        command = ["taskset", "-c", core, *command]
    return result_of(command)


def relay_alone(options, sessions, seconds):
    """What a C program costs that only moves the packets: the kernel's part, which no bridge gets round."""
    print("  bare relay …", end="", flush=True)
    found = result_of([PROGRAMS / "BareRelay", sessions + sessions % 2, seconds, options.gateway_cores[0],
                       options.other_cores[-1]])
    print(f" {found['cpu_ms']:.2f} ms a session", flush=True)
    return found


def result_of(command):
    return json.loads(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True,
                                     preexec_fn=raise_priority).stdout)


# The machine


def cpu_times():
    fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    values = [int(field) for field in fields]
    idle = values[3] + values[4]
    return {"busy": sum(values[:8]) - idle, "all": sum(values[:8]), "steal": values[7]}


def others_share(began, ended, found, seconds):
    """How many cores programs that have nothing to do with the measurement used meanwhile."""
    ticks = os.sysconf("SC_CLK_TCK")
    busy = (ended["busy"] - began["busy"]) / ticks / seconds
    ours = sum(p["cpu_user_seconds"] + p["cpu_system_seconds"] for p in found["watched"] if p.get("name")) / seconds
    return max(0.0, busy - ours - found["generator"]["cores"])


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def machine(options):
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", text)
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in text,
        "memory_gb": round(int(memory[1]) / 1e6, 1) if memory else None,
        "kernel": platform.release(),
        "libopus": output_of("pkg-config", "--modversion", "opus"),
        "swift": next((line for line in output_of("swift", "--version").splitlines() if "Swift version" in line), ""),
        "commit": output_of("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        + ("+" if output_of("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no") else ""),
        "load_before": os.getloadavg()[0],
        "gateway_cores": options.gateway_cores, "other_cores": options.other_cores,
        "realtime": REALTIME,
    }


# The report


class Goals:
    """The rows of the report. A goal counts as reached only when every measurement behind it is valid."""

    def __init__(self):
        self.rows = []

    def add(self, what, goal, value, limit, measurements, unit="", note="", spread=None):
        problems = [p for m in measurements for p in m.get("problems", [])]
        reached = None if value is None or problems else value <= limit
        self.rows.append({"what": what, "goal": goal, "value": value, "limit": limit, "unit": unit, "note": note,
                          "spread": spread, "reached": reached, "valid": not problems and value is not None})


def ratio_of(value, other):
    return value / other if value is not None and other else None


def number(value, unit=""):
    if value is None:
        return "not measured"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f}{' ' + unit if unit else ''}"


def spread(values):
    return f"{number(min(values))} to {number(max(values))} in {len(values)}" if len(values) > 1 else ""


def first_of(values):
    return next((value for value in values if value is not None), None)


def middle(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def run(options):
    report = {"machine": machine(options), "quick": options.quick, "room": options.room_url or "development room server"}
    describe(report["machine"], options)
    goals = Goals()
    n = options.sessions
    talking, opus, relay = [], [], []
    for repetition in range(options.repetitions):
        suffix = f" ({repetition + 1} of {options.repetitions})" if options.repetitions > 1 else ""
        opus.append(opus_alone(options, n, options.opus_seconds))
        relay.append(relay_alone(options, n, options.opus_seconds))
        talking.append(measure(options, f"{n} talk{suffix}", sessions=n))
    opus.append(opus_alone(options, n, options.opus_seconds))
    few, many = options.flat_talking
    flat = [measure(options, f"{count} talk", sessions=count) for count in (few, many)]
    silent = [measure(options, f"{count} connected, 10 % talk", sessions=count, talking=0.1, rate=options.fast_rate)
              for count in options.flat_silent]
    memory = [measure(options, f"{count} connected, 5 % talk", sessions=count, talking=0.05, rate=options.fast_rate,
                      duration=max(3, options.duration / 2))
              for count in options.memory]
    passers = 4 if options.quick else 20
    crowded = measure(options, f"{n} talk, {passers} a second come and go", sessions=n, passers=passers)
    passing = measure(options, f"{n} talk, Opus", sessions=n, form="opus")
    idle = {rest: measure(options, f"{n} silent, sending {rest}", sessions=n, talking=0, rest=rest)
            for rest in (["zeros"] if options.quick else ["zeros", "noise", "nothing"])}
    baselines = {}
    for baseline in options.baseline:
        baselines[baseline] = measure(options, f"{options.baseline_sessions} talk, {baseline} bridge",
                                      sessions=options.baseline_sessions, bridge=baseline, rate=min(5, options.rate))
    knee = find_knee(options) if options.knee else None

    cpu = [row["cpu_ms_per_session"] for row in talking]
    alone = [found["total_ms"] for found in opus]
    # Each repetition by the libopus that ran just before and just after it.
    beside = [(before["total_ms"] + after["total_ms"]) / 2 for before, after in zip(opus, opus[1:])]
    ratios = [ratio_of(used, codec) for used, codec in zip(cpu, beside)]
    operating = [(before["operating"]["total_ms"] + after["operating"]["total_ms"]) / 2 for before, after in zip(opus, opus[1:])]
    floors = [ratio_of(used, codec + moved["cpu_ms"]) for used, codec, moved in zip(cpu, operating, relay)]
    goals.add(f"CPU a session: gateway ÷ libopus alone at VOIP, 5, 24 kbit/s, {n} sessions", "≤ 0.6", middle(ratios), 0.6, talking,
              note=f"{number(middle(cpu))} ÷ {number(middle(alone))} ms a second; ÷ libopus in real time"
                   f" {number(ratio_of(middle(cpu), middle([found['paced_ms'] for found in opus])))}",
              spread=spread(ratios))
    goals.add("CPU a session: gateway ÷ (libopus as the gateway asks for it + a bare relay)", "≤ 1.15", middle(floors), 1.15,
              talking, note=f"÷ ({number(middle(operating))} + {number(middle([moved['cpu_ms'] for moved in relay]))}) ms a second",
              spread=spread(floors))
    for baseline, row in baselines.items():
        ratio = ratio_of(middle(cpu), row["cpu_ms_per_session"])
        goals.add(f"CPU a session: gateway ÷ bridge on the {baseline} SDK", "≤ 1 ÷ 8", ratio, 1 / 8, talking + [row],
                  note=f"{number(middle(cpu))} ÷ {number(row['cpu_ms_per_session'])} ms a second: "
                       f"1 ÷ {number(ratio_of(1, ratio))}")
    low, high = memory
    slope = (high["resident"] - low["resident"]) / (high["sessions"] - low["sessions"]) / 1000
    goals.add(f"memory a session, {low['sessions']} → {high['sessions']} connected, 5 % talk", "≤ 110 KB", slope, 110,
              memory, "KB", note=f"{low['resident'] / 1e6:.0f} → {high['resident'] / 1e6:.0f} MB")
    for direction, words in [("up", "frame complete → packet sent"), ("down", "packet arrived → message sent")]:
        for share, limit in [("p50", 0.3), ("p99", 2)]:
            values = [row.get(f"delay_{direction}_ms", {}).get(share) for row in talking]
            goals.add(f"delay {direction} ({words}) {share}", f"≤ {limit} ms", middle(values), limit, talking, "ms",
                      spread=spread([v for v in values if v is not None]) if any(values) else "")
    for direction in ["up", "down"]:
        goals.add(f"delay {direction} p99 while {passers} callers a second come and go", "≤ 5 ms",
                  crowded.get(f"delay_{direction}_ms", {}).get("p99"), 5, [crowded], "ms",
                  note="busy iterations: " + ", ".join(
                      f"{share} {number(value)} ms" for share, value in crowded.get("iteration_ms", {}).items()
                      if share.startswith("p")))
    for share, limit in [("p50", 15), ("p99", 60)]:
        joined = middle([row["setup_ms"]["joined"].get(share) for row in talking])
        published = middle([row.get("published_ms", {}).get(share) for row in talking])
        both = max(v for v in (joined, published, 0) if v is not None)
        goals.add(f"set-up: WebSocket open → joined and published, {share}", f"≤ {limit} ms", both, limit, talking, "ms",
                  note=f"joined as the client sees it {number(joined)}, published {number(published)}")
    for share, limit in [("p50", 100), ("p99", 250)]:
        values = [row["setup_ms"]["first_sound"].get(share) for row in talking]
        goals.add(f"connect → first sound heard at the other side {share}", f"≤ {limit} ms", middle(values), limit,
                  talking, "ms", spread=spread([v for v in values if v is not None]) if any(values) else "")
    for rows, words in [(flat, "talk"), (silent, "connected, 10 % talk")]:
        low, high = rows
        growth = high["cpu_ms_per_session"] / max(low["cpu_ms_per_session"], 1e-9) - 1
        goals.add(f"CPU a session from {low['sessions']} to {high['sessions']} ({words})", "flat within 10 %",
                  growth * 100, 10, rows, "%",
                  note=f"{number(low['cpu_ms_per_session'])} → {number(high['cpu_ms_per_session'])} ms a second")
    ratio = ratio_of(passing["cpu_ms_per_session"], middle(cpu))
    goals.add("Opus pass-through ÷ transcoded", "≤ 0.2", ratio, 0.2, talking + [passing],
              note=f"{number(passing['cpu_ms_per_session'])} ms a second")
    for rest, row in idle.items():
        words = {"zeros": "client sends zeros", "noise": "client sends a quiet room's noise",
                 "nothing": "client sends nothing"}[rest]
        goals.add(f"idle ÷ talking ({words})", "≤ 0.1", ratio_of(row["cpu_ms_per_session"], middle(cpu)), 0.1, talking + [row],
                  note=f"{number(row['cpu_ms_per_session'])} ms a second")
    everything = talking + flat + silent + memory + [crowded, passing] + list(idle.values()) + list(baselines.values())
    report |= {
        "goals": goals.rows, "opus": opus, "relay": relay, "measurements": everything, "knee": knee,
        "valid": all(not row["problems"] for row in everything),
    }
    return report


def find_knee(options):
    """More talking sessions until the machine cannot any more."""
    rows = []
    for count in range(50, 2001, 50):
        row = measure(options, f"{count} talk", sessions=count, duration=options.duration / 2, rate=options.fast_rate)
        rows.append(row)
        if row["problems"]:
            break
    return rows


def describe(found, options):
    print(f"{found['processor']}, {found['cores']} cores{' (virtual)' if found['virtual'] else ''}, "
          f"{found['memory_gb']} GB, Linux {found['kernel']}, libopus {found['libopus']}, {found['swift']}, "
          f"commit {found['commit']}")
    if set(options.gateway_cores) & set(options.other_cores):
        print(f"Gateway, room server and load generator share the cores {options.gateway_cores}: no more are there.")
    else:
        print(f"Gateway on cores {options.gateway_cores}, room server and load generator on {options.other_cores}.")
    if found["realtime"]:
        print("All parts are scheduled before other programs (SCHED_RR).")
    if found["load_before"] > 0.3:
        print(f"Other programs keep {found['load_before']:.1f} cores busy: expect long delays and little truth.")


def text_of(report):
    lines = []
    width = max(len(row["what"]) for row in report["goals"]) + 2
    lines.append(f"{'what':{width}}{'goal':20}{'measured':14}reached")
    for row in report["goals"]:
        reached = "not valid" if not row["valid"] else "yes" if row["reached"] else "NO"
        details = "; ".join(part for part in (row["note"], row["spread"]) if part)
        lines.append(f"{row['what']:{width}}{row['goal']:20}{number(row['value'], row['unit']):14}{reached:11}{details}")
    lines.append("")
    lines.append("libopus alone runs as fast as it can; in real time it does one frame after the other when they are due, as"
                 " the gateway must, with caches that other programs have used meanwhile.")
    lines.append("The bare relay moves the same packets between the same kinds of sockets and does nothing else, in C.")
    lines.append("CPU is user and system time of the process over the measured seconds, a second and session.")
    lines.append("Mouth to ear (up, room server, down, two kernels' worth of sockets), as the generator sees it:")
    for row in report["measurements"]:
        delay = row["delay_ms"]
        if delay.get("count"):
            lines.append(f"  {row['name']:42} p50 {number(delay['p50'])} ms, p99 {number(delay['p99'])} ms;"
                         f" others used {row['others_share']:.2f} cores")
    problems = [(row["name"], row["problems"]) for row in report["measurements"] if row["problems"]]
    if problems:
        lines.append("Not valid:")
        lines += [f"  {name}: {'; '.join(texts)}" for name, texts in problems]
    if report.get("knee"):
        lines.append("Until it was too much:")
        lines += [f"  {row['sessions']:5} talk: {row['cpu_ms_per_session']:.2f} ms a session,"
                  f" mouth to ear p99 {number(row['delay_ms'].get('p99'))} ms"
                  + (f"; {row['problems'][0]}" if row["problems"] else "") for row in report["knee"]]
    return "\n".join(lines)


def cores_of(text):
    cores = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        cores += range(int(first), int(last or first) + 1)
    return cores


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a minute with few sessions: shows that it works, not how well")
    parser.add_argument("--sessions", type=int, help="talking sessions of the main measurement (100)")
    parser.add_argument("--repetitions", type=int, help="of the main measurement (3)")
    parser.add_argument("--duration", type=float, help="seconds that are measured each time (20)")
    parser.add_argument("--room-url", help="a LiveKit server in place of the development one; its key and secret are"
                        " LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    parser.add_argument("--baseline", action="append", default=[], choices=["python"], help="another bridge beside")
    parser.add_argument("--baseline-sessions", type=int, help="sessions of the other bridge (20)")
    tests = ROOT / ".venv/bin/python"
    parser.add_argument("--python", default=str(tests) if tests.exists() else sys.executable,
                        help="the Python that has Baselines/python/requirements.txt (default: that of the interop tests)")
    parser.add_argument("--gateway-cores", type=cores_of, help="such as 0-3; default: all but two, or all of two")
    parser.add_argument("--other-cores", type=cores_of, help="of room server and generator; default: the last two")
    parser.add_argument("--realtime", action="store_true", help="schedule all parts before the other programs of a busy"
                        " machine (root only); the report says so")
    parser.add_argument("--knee", action="store_true", help="also look for the number of sessions that is too many")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / ".build/bench", help="folder of the report")
    options = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    split = len(cores) >= 4
    options.gateway_cores = options.gateway_cores or (cores[:-2] if split else cores)
    options.other_cores = options.other_cores or (cores[-2:] if split else cores)
    quick = options.quick
    options.sessions = options.sessions or (20 if quick else 100)
    options.repetitions = options.repetitions or (1 if quick else 3)
    options.duration = options.duration or (3 if quick else 20)
    options.baseline_sessions = options.baseline_sessions or (4 if quick else 20)
    options.warm_up = 1 if quick else 5
    options.rate = 40 if quick else 20
    options.fast_rate = 80 if quick else 50
    options.opus_seconds = 2 if quick else 12
    options.flat_talking = (4, options.sessions) if quick else (10, options.sessions * 6 // 5)
    options.flat_silent = (10, 40) if quick else (10, 500)
    options.memory = (20, 60) if quick else (100, 500)
    return options


def main():
    global REALTIME
    options = options_of(sys.argv[1:])
    REALTIME = options.realtime
    raise_priority()
    try:
        report = run(options)
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    text = text_of(report)
    print("\n" + text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "report.json").write_text(json.dumps(report, indent=1))
    (options.output / "report.txt").write_text(text + "\n")
    print(f"\n{options.output}/report.json and report.txt")
    if not report["valid"]:
        print("Some figures are not valid (see above).", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
