"""A W&B server on this machine that keeps reports: what `wandb.Api()` and a report's `save` and `from_url` ask for."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIME = "2026-01-01T00:00:00Z"


class WandbServer:
    """Answers GraphQL on 127.0.0.1. `views` are the reports by id, `strange` the questions that it did not know."""

    def __init__(self, key: str, entity: str = "team") -> None:
        self.key, self.entity = key, entity
        self.views: dict[str, dict[str, Any]] = {}
        self.projects: set[str] = set()
        self.strange: list[str] = []
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[WandbServer]:
        """Serve in a thread until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, query: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The data of one question; None for one that is not known."""
        if "upsertView" in query:
            return {"upsertView": {"view": self.keep(asked), "inserted": True}}
        if "view(id" in query:
            return {"view": self.views[asked["reportId"]]}
        if "upsertModel" in query:
            made = asked.get("input") or asked
            self.projects.add(made["name"])
            held = self.project(made["name"]) | {"description": "", "access": "", "views": "{}"}
            return {"upsertModel": {"project": held, "model": held, "inserted": True}}
        if "internalId" in query and "project(" in query:
            return {"project": {"id": "UHJv", "internalId": "UHJvSW50"}}
        if "models(" in query or "projects(" in query:
            edges = [{"cursor": "c", "node": self.project(name)} for name in sorted(self.projects)]
            return {"models": {"edges": edges, "pageInfo": {"endCursor": "c", "hasNextPage": False}}}
        if "serverInfo" in query or "__type(" in query or "__schema" in query:
            versions = {"max_cli_version": "99.0.0", "min_cli_version": "0.1.0"}
            return {"serverInfo": {"cliVersionInfo": versions, "latestLocalVersionInfo": None, "features": []}}
        if "viewer" in query:
            return {"viewer": self.viewer()}
        self.strange.append(query)
        return None

    def keep(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Store a report under its id, or a new one."""
        id_ = asked.get("id") or base64.b64encode(f"View:{len(self.views) + 1}".encode()).decode()
        project = {"id": "UHJv", "name": asked["projectName"], "entityName": asked["entityName"]}
        kept = {name: asked[name] for name in ("type", "name", "displayName", "description", "spec")}
        self.views[id_] = {"id": id_, "project": project, "createdAt": TIME, "updatedAt": TIME, **kept}
        return self.views[id_]

    def project(self, name: str) -> dict[str, Any]:
        held = {"id": f"UHJv{name}", "name": name, "entityName": self.entity, "createdAt": TIME, "isBenchmark": False}
        return {**held, "__typename": "Project", "user": None}

    def viewer(self) -> dict[str, Any]:
        who = {"id": "VXNlcg==", "username": "u", "name": "U", "email": "u@example.org", "entity": self.entity}
        teams = {"edges": [{"node": {"name": self.entity}}]}
        return {**who, "flags": "{}", "admin": False, "teams": teams, "apiKeys": {"edges": []}}


def handler(server: WandbServer) -> type[BaseHTTPRequestHandler]:
    """What handles one request."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def send(self, code: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            given = base64.b64decode((self.headers.get("Authorization") or " ").split()[-1]).decode()
            if not given.endswith(server.key):
                return self.send(401, {"errors": [{"message": f"user is not logged in with {given}"}]})
            data = server.answer(asked["query"], asked.get("variables") or {})
            return self.send(200, {"errors": [{"message": "not known"}]} if data is None else {"data": data})

    return Handler
