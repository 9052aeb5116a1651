"""`python -m modelyard serve` in the harness's contract, without its start-up time.

The file MODELYARD_MODEL_URI names is the model: {"value": what it predicts}, and to misbehave {"digest": the one it loads,
"readyAfterMs", "exit": the code it ends with at once, "delayMs": of every prediction, "sick": a fault of every one}. A request
may ask for a fault itself by a field "fault" of its body: 400, 500, "drop", "reset", "cut", "garbage", "huge" or "hang". GET /seen
says how many requests to predict there were, and what headers the last one had.
"""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
import time

FAULTY = b'"fault"'
HUGE_BYTES = 8 * 1024 * 1024
STATES = {200: "OK", 400: "Bad Request", 404: "Not Found", 415: "Unsupported Media Type", 500: "Error", 503: "Unavailable"}


class Model:
    def __init__(self):
        with open(os.environ["MODELYARD_MODEL_URI"], encoding="utf-8") as file:
            self.said = json.load(file)
        self.expected = os.environ["MODELYARD_MODEL_DIGEST"]
        self.digest = self.said.get("digest", self.expected)
        self.ready_at = time.monotonic() + self.said.get("readyAfterMs", 0) / 1000
        self.sick = self.said.get("sick")
        self.seen = {"invocations": 0, "headers": {}}
        self.delay_s = self.said.get("delayMs", 0) / 1000
        if "exit" in self.said:
            print(f"this model ends with {self.said['exit']}", flush=True)
            sys.exit(self.said["exit"])

    def ping(self):
        if time.monotonic() < self.ready_at:
            return 503, {"state": "starting"}
        if self.digest != self.expected and self.said.get("honest", True):
            message = f"expected {self.expected}, got {self.digest}"
            return 500, {"state": "failed", "code": "IntegrityError", "message": message}
        return 200, {"state": "ready", "modelId": os.environ["MODELYARD_MODEL_ID"], "digest": self.digest}

    def predict(self, headers, body):
        if headers.get("content-type", "").startswith("text/csv"):
            rows = body.decode().strip().splitlines()[1:]
        else:
            try:
                asked = json.loads(body)
                rows = asked["inputs"]
            except (ValueError, KeyError, TypeError) as problem:
                return 400, {"code": "BadPayload", "message": f"expected inputs: {problem}"}
            if rows == "headers":
                return 200, {"predictions": [headers]}
        return 200, {"predictions": [self.said["value"]] * len(rows)}


class Connection(asyncio.Protocol):
    def __init__(self, model, busy):
        self.model, self.busy, self.received = model, busy, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.decode("latin1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(body) < length:
            return
        self.received = body[length:]
        self.answer(lines[0].split(" ")[1], headers, body[:length])

    def answer(self, path, headers, body):
        if path == "/ping":
            self.reply(*self.model.ping())
        elif path == "/seen":
            self.reply(200, self.model.seen)
        elif path != "/invocations":
            self.reply(404, {"code": "NotFound", "message": path})
        else:
            self.model.seen = {"invocations": self.model.seen["invocations"] + 1, "headers": headers}
            self.predict(headers, body)

    def predict(self, headers, body):
        if FAULTY in body or self.model.sick:
            self.fail(self.model.sick or json.loads(body)["fault"])
        elif self.model.delay_s:
            task = asyncio.ensure_future(self.late(headers, body))
            self.busy.add(task)
            task.add_done_callback(self.busy.discard)
        else:
            self.reply(*self.model.predict(headers, body))

    async def late(self, headers, body):
        await asyncio.sleep(self.model.delay_s)
        self.reply(*self.model.predict(headers, body))

    def fail(self, fault):
        if fault in (400, 500):
            self.reply(fault, {"code": "ModelError" if fault == 500 else "BadPayload", "message": "as asked"})
        elif fault == "drop":
            self.transport.abort()
        elif fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        elif fault == "huge":
            self.reply(200, {"predictions": ["x" * HUGE_BYTES]})
        elif fault == "cut":
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
            self.transport.close()
        elif fault == "garbage":
            self.reply(200, ["no", "predictions"])

    def reply(self, status, value):
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} {STATES[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve():
    model, busy, loop = Model(), set(), asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    address = os.environ["HOST"], int(os.environ["PORT"])
    server = await loop.create_server(lambda: Connection(model, busy), *address)
    print("listening", flush=True)
    await stopped.wait()
    server.close()
    if busy:
        await asyncio.wait(busy, timeout=8)


if __name__ == "__main__":
    if sys.argv[1:] != ["serve"]:
        sys.exit(64)
    asyncio.run(serve())
    # Python 3.12 waits for idle connections when a server closes; this process has answered all it took.
    os._exit(0)
