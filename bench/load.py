"""Load from wrk, which is written in C and no bottleneck beside a server in Python.

A `Call` is one kind of request, as a template; each request of it names another model and version.
A Lua script made of it counts n up from where it is told to, so that two servers get the same
requests, and no request comes twice where `<n>` is in it.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from bench import cpu
from bench.filling import Size

WRK: Final = "wrk"
LONGEST_S: Final = 30
MISSING: Final = "wrk is not on the PATH (Debian: apt-get install wrk)"

_SCRIPT: Final = """\
local n, models, versions = %(start)d, %(models)d, %(versions)d
local stages = { "Staging", "Production", "Archived" }
wrk.headers["Content-Type"] = "application/json"

function request()
   n = n + 1
   local round = math.floor(n / models)
   local turn = math.floor(n / (models * versions))
   local model = string.format("%%05d", n * 37 %% models)
   local version = (n * 61 + round) %% versions + 1
   local run = (n * 7 + round) %% versions
   local stage = stages[(n + turn) %% 3 + 1]
%(requests)send

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %%d, "duration": %%d, "p50": %%f, "p99": %%f, "refused": %%d, "lost": %%d}\\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Call:
    """One kind of request; or two, if every tenth is `another`.

    In `path` and `body` stand `<model>` (00000 to the last), `<version>` (1 to the last), `<run>`
    (0 to the number of versions less 1), `<stage>` and `<n>` (a number that never comes again).
    """

    what: str
    method: str
    path: str
    body: str = ""
    another: Call | None = None


@dataclass(frozen=True)
class Load:
    """What wrk measured; times in ms."""

    rate: float  # answers per second
    p50: float
    p99: float
    cpus: Mapping[str, float]  # how much of one each of the watched used, and `wrk`


def measure(
    url: str,
    call: Call,
    size: Size,
    *,
    connections: int,
    seconds: float,
    start: int,
    watched: Mapping[str, int],
    scratch: Path,
) -> Load:
    """Send a kind of request from `connections` connections, each waiting for its answer.

    Args:
        url: the server's.
        call: what is sent.
        size: of the registry that is asked.
        connections: that are open at the same time.
        seconds: how long; longer if nothing has been answered by then.
        start: n before the first request.
        watched: processes, by name, whose use of CPUs is measured with that of their descendants.
        scratch: a folder for the script.

    Raises:
        LookupError: wrk is not installed.
        RuntimeError: a request was refused, or lost.
    """
    script = scratch / "load.lua"
    while True:
        script.write_text(script_of(call, size, start))
        before, begun = _used(watched), time.perf_counter()
        said = _wrk(url, script, connections, seconds)
        taken = time.perf_counter() - begun
        if said["refused"] or said["lost"] or (not said["requests"] and seconds > LONGEST_S):
            raise RuntimeError(f"{call.what} at {url}: {said}")
        if said["requests"]:
            break
        seconds, start = 4 * seconds, start + connections  # those may have come in all the same
    return Load(
        said["requests"] / said["duration"] * 1e6,
        said["p50"] / 1e3,
        said["p99"] / 1e3,
        {name: (used - before[name]) / taken for name, used in _used(watched).items()},
    )


def _wrk(url: str, script: Path, connections: int, seconds: float) -> dict[str, float]:
    """Run wrk, and return what the script's `done` wrote."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LookupError(MISSING)
    command = [wrk, "-t1", f"-c{connections}", "-d1h", "--timeout", "60s", "-s", str(script), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        time.sleep(seconds)  # as an option, wrk takes whole seconds only
        process.send_signal(signal.SIGINT)
        output = process.communicate()[0].decode()
    if process.returncode == -signal.SIGINT:  # so early that it had not begun
        return {"requests": 0, "refused": 0, "lost": 0}
    if process.returncode:
        raise RuntimeError(f"wrk: {output}")
    said: dict[str, float] = json.loads(output.splitlines()[-1])
    return said


def script_of(call: Call, size: Size, start: int) -> str:
    """Return the script that sends a call."""
    return _SCRIPT % {
        "start": start,
        "models": size.models,
        "versions": size.versions,
        "requests": _requests(call),
    }


def _requests(call: Call) -> str:
    body = _filled(call.body) if call.body else "nil"
    request = f"return wrk.format({_lua(call.method)}, {_filled(call.path)}, nil, {body})\n"
    if call.another is None:
        return f"   {request}"
    return f"   if n % 10 == 0 then\n   {_requests(call.another)}   end\n   {request}"


def ask(url: str, call: Call, size: Size, n: int = 0) -> bytes:
    """Send one such request and return the answer's body: is this what we mean to measure?

    Raises:
        RuntimeError: it was refused; says how.
    """
    values = {"model": f"{n % size.models:05}", "version": "1", "run": "0", "stage": "Staging"}

    def filled(template: str) -> str:
        return re.sub("<(\\w+)>", lambda found: (values | {"n": f"asked-{n}"})[found[1]], template)

    request = Request(
        url + filled(call.path),
        filled(call.body).encode() or None,
        {"Content-Type": "application/json"},
        method=call.method,
    )
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=120) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        raise RuntimeError(f"{call.what}: {error.code} {error.read()[:500]!r}") from None


def _filled(template: str) -> str:
    """Return a template as an expression in Lua."""
    texts = re.split(r"<(\w+)>", template)
    return " .. ".join(part if odd % 2 else _lua(part) for odd, part in enumerate(texts) if part)


def _lua(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _used(watched: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds of CPU used so far, by name."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)  # of those that have ended: wrk's
    used = {name: cpu.seconds_of(leader) for name, leader in watched.items()}
    return used | {WRK: own.ru_utime + own.ru_stime}
