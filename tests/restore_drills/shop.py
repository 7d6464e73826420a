"""A shop of a few lines on a database, for drills to lose and to find again: `python -m tests.restore_drills.shop`."""

from __future__ import annotations

import http.server
import json
import os

import psycopg

PORT, DATABASE = "SHOP_PORT", "SHOP_DATABASE"


class Shop(http.server.BaseHTTPRequestHandler):
    """POST /items makes one, GET and DELETE /items/ID read and remove it, GET /health asks the database."""

    def answer(self, status: int, told: object = None) -> None:
        """Send it."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def ask(self, statement: str, *values: object) -> object:
        """Ask the database, as anew each time."""
        with psycopg.connect(os.environ[DATABASE]) as connection:
            row = connection.execute(statement.encode(), values).fetchone()
        return row and row[0]

    def do_GET(self) -> None:
        """Read."""
        if self.path == "/health":
            self.answer(200, self.ask("SELECT 1"))
        else:
            found = self.ask("SELECT id FROM item WHERE id = %s", self.path.rpartition("/")[2])
            self.answer(200 if found else 404)

    def do_POST(self) -> None:
        """Make."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(201, {"id": self.ask("INSERT INTO item (price) VALUES (7) RETURNING id")})

    def do_DELETE(self) -> None:
        """Remove."""
        gone = self.ask("DELETE FROM item WHERE id = %s RETURNING id", self.path.rpartition("/")[2])
        self.answer(204 if gone else 404)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ[PORT])), Shop).serve_forever()
