"""A server on loopback that speaks S3, started once; tests without its packages are skipped."""

from __future__ import annotations

import functools
import logging
import os
import urllib.request
import uuid

import pytest

MISSING = (
    "pictures in a bucket are tested with obstore and moto, which are not installed; make setup "
    "installs both"
)


def needs_server():
    """Skip the test without the packages; in CI it fails instead."""
    try:
        import moto.server  # noqa: F401
        import obstore  # noqa: F401
    except ModuleNotFoundError:
        if os.environ.get("CI"):
            raise
        pytest.skip(MISSING)


class S3Server:
    """The running server; ``url`` is its address."""

    def __init__(self, port: int = 0) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"pictures-{uuid.uuid4().hex[:12]}"
        self._request("PUT", f"/{name}")
        return name

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket."""
        self._request("DELETE", f"/{name}")

    def refuse_strangers(self, refuse: bool = True) -> None:
        """Answer only credentials that the server itself gave out, or all again."""
        self._request("POST", "/moto-api/reset-auth", b"0" if refuse else b"inf")

    def _request(self, method: str, path: str, body: bytes | None = None) -> None:
        request = urllib.request.Request(  # noqa: S310  our own server
            self.url + path, body, {"Content-Type": "text/plain"}, method=method
        )
        urllib.request.urlopen(request).close()  # noqa: S310  as above

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()


@functools.cache
def running_s3() -> S3Server:
    """The server of this process."""
    return S3Server()


def environment(server: S3Server) -> dict[str, str]:
    """The variables that lead to the server."""
    return {
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up-too",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
    }
