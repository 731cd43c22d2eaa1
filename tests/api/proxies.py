"""A real proxy with a configuration of docs/operating/, as a process without privileges on free ports of loopback."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "operating"
NAME = "universe.example"
NOBODY = 65534
START_SECONDS = 20

_NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/example.conf;
}}
"""
_CADDY = """{{
	admin off
	skip_install_trust
	http_port {http}
	https_port {https}
	storage file_system {folder}/storage
	log {{
		output file {folder}/error.log
	}}
}}
"""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Proxy:
    """nginx or Caddy in front of a server on ``backend``; ends with `close`.

    Parameters
    ----------
    example : the name of a file in docs/operating/. What of it depends on the machine is replaced; each of these texts must be
        there, so an example that is changed is noticed here.
    """

    def __init__(self, example: str, backend: int) -> None:
        self.http_port, self.port = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="wasmverse-proxy-", dir="/tmp"))
        self.certificate = _make_certificate(self.folder)
        kind = "nginx" if example.endswith(".conf") else "caddy"
        program = shutil.which(kind, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program is not None, f"{kind} was not found: run tools/need-proxies"
        text = (EXAMPLES / example).read_text("utf-8")
        command = [program, *(self._nginx(text, backend) if kind == "nginx" else self._caddy(text, backend))]
        unprivileged: dict[str, int] = {}
        if os.geteuid() == 0:
            unprivileged = {"user": NOBODY, "group": NOBODY}
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        environment = {"PATH": "/usr/bin", "HOME": str(self.folder)}
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                extra_groups=[] if unprivileged else None,
                **unprivileged,  # type: ignore[call-overload]
            )
        try:
            self._await()
        except BaseException:
            self.close()
            raise

    def _nginx(self, text: str, backend: int) -> list[str]:
        values = {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{backend};",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/universe.example/fullchain.pem": str(self.certificate),
            "/etc/ssl/universe.example/privkey.pem": str(self.folder / "key.pem"),
        }
        if "listen 80;" in text:
            values |= {"listen 80;": f"listen 127.0.0.1:{self.http_port};", "    listen [::]:80;\n": ""}
        (self.folder / "example.conf").write_text(_rendered(text, values))
        main = self.folder / "nginx.conf"
        main.write_text(_NGINX.format(folder=self.folder))
        return ["-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(main)]

    def _caddy(self, text: str, backend: int) -> list[str]:
        own = f"\tbind 127.0.0.1\n\ttls {self.certificate} {self.folder / 'key.pem'}\n"
        values = {
            "reverse_proxy 127.0.0.1:8000 {": f"reverse_proxy 127.0.0.1:{backend} {{",
            "\nuniverse.example {\n": f"\n{NAME} {{\n{own}",
        }
        options = _CADDY.format(http=self.http_port, https=self.port, folder=self.folder)
        (self.folder / "Caddyfile").write_text(options + _rendered(text, values))
        return ["run", "--adapter", "caddyfile", "--config", str(self.folder / "Caddyfile")]

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process.poll() is None, self.said()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, self.said()
                time.sleep(0.02)

    def said(self) -> str:
        """What it wrote."""
        files = (self.folder / "output", self.folder / "error.log")
        return "\n".join(path.read_text(errors="replace") for path in files if path.exists())

    def trusting(self) -> ssl.SSLContext:
        """Of clients that trust its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def close(self) -> None:
        """End it, and remove what it wrote."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _rendered(text: str, values: dict[str, str]) -> str:
    for old, new in values.items():
        assert old in text, f"the example has no {old!r}"
        text = text.replace(old, new)
    return text


def _make_certificate(folder: Path) -> Path:
    """For `NAME`, signed by itself; with its key beside it."""
    certificate = folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate
