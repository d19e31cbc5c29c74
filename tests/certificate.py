"""A certificate of its own for a test's HTTPS, made by openssl."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path) -> dict[str, str]:
    """Settings for a page with a certificate that nobody signed; skips without openssl, fails in CI."""
    if shutil.which("openssl") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs the openssl command")
    certificate, key = folder / "page.pem", folder / "page.key"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=page", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *kind, *name, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return {"page_certificate": str(certificate), "page_key": str(key)}
