"""A program in the harness's place: does what the job document's script says, in the order of the lines below."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

document = json.loads(Path(os.environ["MODELYARD_INPUT"]).read_text())
script = document["script"]
output = Path(os.environ["MODELYARD_OUTPUT"])


def tell(event: str, pid: int = os.getpid()) -> None:
    with open(document["events"], "a") as file:
        file.write(f"{event} {document['job']} {pid}\n")


def publish(name: str, content: str) -> None:
    (output / f".{name}").write_text(content)
    (output / f".{name}").rename(output / name)


def left_behind(content: bytes) -> str:
    place = f"{os.environ['MODELYARD_RESULTS']}/{os.environ['MODELYARD_POD']}/result.json"
    file = Path(place.removeprefix("file://"))
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return json.dumps({"resultAt": {"uri": place, "sha256": hashlib.sha256(content).hexdigest()}})


def last_words() -> str:
    if script.get("leavesResult"):
        return left_behind(json.dumps(script["leavesResult"]).encode())
    published = {name: output / f"{name}.json" for name in ("failure", "result")}
    return next((f'{{"{name}": {file.read_text()}}}' for name, file in published.items() if file.exists()), "")


if script.get("ignoresTerm"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell("begin")
for own_session in script.get("leaves", []):
    tell("leaves", subprocess.Popen(["sleep", "600"], start_new_session=own_session).pid)
if "allocatesMiB" in script:
    ballast = bytearray(os.urandom(1024)) * (1024 * script["allocatesMiB"])
print(script.get("prints", ""), end="", flush=True)
print(script.get("warns", ""), end="", flush=True, file=sys.stderr)
for _ in range(script.get("printsKiB", 0)):
    print("x" * 1023)
if "waitsFor" in script:
    while not Path(script["waitsFor"]).exists():
        time.sleep(0.02)
time.sleep(script.get("sleepsMs", 0) / 1000)
if script.get("publishesEnvironment"):
    publish("result.json", json.dumps({"environment": dict(os.environ), "cwd": os.getcwd()}))
if "publishes" in script:
    publish("result.json", json.dumps(script["publishes"]))
if "publishesText" in script:
    publish("result.json", script["publishesText"])
if "fails" in script:
    publish("failure.json", json.dumps(script["fails"]))
if "thenWaitsFor" in script:
    while not Path(script["thenWaitsFor"]).exists():
        time.sleep(0.02)
if "MODELYARD_TERMINATION_LOG" in os.environ:
    Path(os.environ["MODELYARD_TERMINATION_LOG"]).write_text(last_words())
tell("end")
sys.stdout.flush()
if "killsItselfBy" in script:
    os.kill(os.getpid(), script["killsItselfBy"])
os._exit(script.get("exitCode", 0))
