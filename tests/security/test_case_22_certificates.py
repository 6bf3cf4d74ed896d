"""Who answers an URL that an owner set: whoever has the certificate of its name."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from functions.outbound import OutboundFailed
from tests.security.outward import BOTH, LOOPBACK, OWN, Fetch, fetch_at_once


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for `secure.example`, signed by itself, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.example")]), critical=False)
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.sign(key, SHA256()).public_bytes(pem))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[int]:
    """The port of a server that speaks TLS, in front of nothing: it answers `{}`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server((OWN, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
                    encrypted.recv(65536)
                    encrypted.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@BOTH
async def test_case_22_certificates_are_verified(fetch: Fetch, secure: int, names: dict[str, list[list[str]]]) -> None:
    """https says who is there: a certificate that nobody vouches for is none."""
    names["secure.example"] = [[OWN]]
    with pytest.raises(OutboundFailed):
        await fetch(f"https://secure.example:{secure}/", LOOPBACK)


async def test_case_22_a_certificate_is_of_the_name(
    secure: int, names: dict[str, list[list[str]]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to an address that was judged, the certificate is that of the name that was asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    names.update({"secure.example": [[OWN]], "another.example": [[OWN]]})
    assert await fetch_at_once(f"https://secure.example:{secure}/", LOOPBACK) == b"{}"
    for other in ("another.example", OWN):
        with pytest.raises(OutboundFailed):
            await fetch_at_once(f"https://{other}:{secure}/", LOOPBACK)
