"""A stand-in for a cluster's API server: it lists pods, and plays back what a command in a pod prints.

It speaks what kubectl needs for 'get pod' and 'exec': JSON over HTTP, and the WebSocket protocol v5.channel.k8s.io, whose
messages begin with the number of a channel (1: output, 2: errors, 3: the exit status).
"""

import base64
import hashlib
import http.server
import json
import struct
import threading
import urllib.parse

LISTS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}]},
}


def pod(namespace, name, node="", **more):
    """A pod as the API describes it. `more`: labels, phase, deleting."""
    metadata = {"namespace": namespace, "name": name, "labels": more.get("labels", {})}
    if more.get("deleting"):
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    spec = {"containers": [{"name": "agent"}, {"name": "front"}], **({"nodeName": node} if node else {})}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec,
            "status": {"phase": more.get("phase", "Running")}}


class Cluster:
    """Serves from construction until close(). Set the answers before a call, read `executed` after it."""

    def __init__(self):
        self.reset()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        self.pods = []
        self.answers = {}  # name of a pod -> (output, errors, exit code)
        self.forbidden = set()  # "list", "exec"
        self.executed = []  # (name of the pod, container, command), in any order

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(self):
        class Handler(Request):
            cluster = self
        return Handler


class Request(http.server.BaseHTTPRequestHandler):
    cluster = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802  # the name that http.server calls
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path in LISTS:
            return self.send(LISTS[url.path])
        _, _, _, _, namespace, _, *rest = url.path.split("/") + [""] * 6
        name, action = rest[0], rest[1]
        if action == "exec":
            return self.exec(name, query)
        if not name:
            return self.list(namespace, query)
        found = [each for each in self.cluster.pods if each["metadata"]["namespace"] == namespace
                 and each["metadata"]["name"] == name]
        return self.send(found[0]) if found else self.fail(404, "NotFound", f'pods "{name}" not found')

    def do_POST(self):  # noqa: N802
        """Exec with the older protocol, SPDY, which kubectl tries when the newer one is refused."""
        self.fail(403, "Forbidden", 'pods "agent" is forbidden: User "jane" cannot create resource "pods/exec"')

    def list(self, namespace, query):
        if "list" in self.cluster.forbidden:
            return self.fail(403, "Forbidden", 'pods is forbidden: User "jane" cannot list resource "pods"')
        wanted = dict(part.split("=") for part in query.get("labelSelector", [""])[0].split(",") if part)
        node = query.get("fieldSelector", [""])[0].removeprefix("spec.nodeName=")
        items = [each for each in self.cluster.pods if each["metadata"]["namespace"] == namespace
                 and wanted.items() <= each["metadata"]["labels"].items()
                 and node in ("", each["spec"].get("nodeName"))]
        return self.send({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

    def exec(self, name, query):
        if "exec" in self.cluster.forbidden:
            return self.do_POST()
        self.cluster.executed.append((name, query["container"][0], query["command"]))
        self.send_response(101)
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        output, errors, code = self.cluster.answers.get(name, ("", "", 0))
        status = {"status": "Success"} if code == 0 else {
            "status": "Failure", "reason": "NonZeroExitCode", "message": f"command terminated with exit code {code}",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
        for channel, text in [(1, output), (2, errors), (3, json.dumps(status))]:
            self.frame(2, bytes([channel]) + text.encode())
        self.frame(8, struct.pack(">H", 1000))  # the end, as agreed
        self.close_connection = True

    def frame(self, opcode, payload):
        length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        self.wfile.write(bytes([0x80 | opcode]) + length + payload)

    def send(self, value, code=200):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, code, reason, message):
        self.send({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message,
                   "code": code}, code)
