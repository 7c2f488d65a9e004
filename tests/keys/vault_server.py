"""A FAKE of Vault's transit engine on loopback, for the two requests that a signer makes; no Vault was at hand.

It follows the transit HTTP API (https://developer.hashicorp.com/vault/api-docs/secret/transit): ``GET
/v1/transit/keys/:name`` and ``POST /v1/transit/sign/:name``, with the token in ``X-Vault-Token``. Keys are Ed25519.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOKEN = "the-token"  # noqa: S105 - known to the test alone


@dataclass
class Transit:
    """The engine's keys: by name, one per version."""

    keys: dict[str, list[Ed25519PrivateKey]] = field(default_factory=dict)

    def read(self, name: str) -> dict[str, Any]:
        versions = enumerate(self.keys[name], start=1)
        shown = {str(number): {"public_key": encode(key.public_key().public_bytes_raw())} for number, key in versions}
        return {"type": "ed25519", "latest_version": len(self.keys[name]), "keys": shown}

    def sign(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        version = request.get("key_version") or len(self.keys[name])
        signature = self.keys[name][version - 1].sign(base64.b64decode(request["input"]))
        return {"signature": f"vault:v{version}:{encode(signature)}", "key_version": version}


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def serve(transit: Transit) -> ThreadingHTTPServer:
    """A server on a free loopback port; the caller runs and ends it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer("keys", transit.read)

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer("sign", lambda name: transit.sign(name, request))

        def answer(self, action: str, work: Any) -> None:
            head, _, name = self.path.rpartition("/")
            if self.headers.get("X-Vault-Token") != TOKEN:
                self.reply(403, {"errors": ["permission denied"]})
            elif head != f"/v1/transit/{action}" or name not in transit.keys:
                self.reply(404, {"errors": []})
            else:
                self.reply(200, {"data": work(name)})

        def reply(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """A test prints nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
