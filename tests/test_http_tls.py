"""TLS: what is wrong with a certificate is said, and none is let through that should not be."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cdpwatch.http import Refused, Unreachable, segment
from tests.loopback import client, failing, send, serve

AUTHORITY = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The authority")])
SERVER = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The server")])
HERE = ipaddress.ip_address("127.0.0.1")
ELSEWHERE = ipaddress.ip_address("127.0.0.9")


@dataclass
class Authority:
    """Signs certificates for one test; `file` is what a client trusts it by."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self.key, 1, AUTHORITY, AUTHORITY)
        ca = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = str(self.folder / "ca.pem")
        _write(self.file, ca.sign(self.key, hashes.SHA256()))

    def context(
        self, *, days: int = 1, host: ipaddress.IPv4Address = HERE, own: bool = False
    ) -> ssl.SSLContext:
        """A server's side: a certificate for `host`, valid for `days` more, or signed by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(host)])
        builder = _builder(key, days, SERVER, SERVER if own else AUTHORITY)
        builder = builder.add_extension(names, critical=False)
        file = str(self.folder / "server.pem")
        _write(file, builder.sign(key if own else self.key, hashes.SHA256()), key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _builder(
    key: ec.EllipticCurvePrivateKey, days: int, subject: x509.Name, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=30),
        not_valid_after=now + timedelta(days=days),
    )


def _write(
    file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None
) -> None:
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    if key:
        pem += key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    Path(file).write_bytes(pem)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[str]:
    with serve(lambda handler: send(handler, b'{"data": {"a": 1}}'), context) as url:
        yield url


def test_it_trusts_an_authority_that_it_is_told_to(authority: Authority) -> None:
    with serving(authority.context()) as url, client(url, ca_file=authority.file) as api:
        assert api.get("/") == {"a": 1}


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"host": ELSEWHERE}, "IP address mismatch"),
        ({"own": True}, "self-signed certificate"),
    ],
)
def test_it_says_what_is_wrong_with_a_certificate(
    authority: Authority, certificate: dict[str, object], why: str
) -> None:
    with serving(authority.context(**certificate)) as url:  # type: ignore[arg-type]
        error = failing(url, ca_file=authority.file)
    assert isinstance(error, Unreachable)
    assert str(error).startswith("The TLS certificate of 127.0.0.1 fails: ")
    assert re.search(why, str(error))


def test_it_reads_the_authorities_again_when_they_were_renewed(tmp_path: Path) -> None:
    before = Authority(tmp_path)
    with serving(before.context()) as url, client(url, ca_file=before.file) as api:
        api.get("/")
    with serving(Authority(tmp_path).context()) as url, client(url, ca_file=before.file) as api:
        assert api.get("/") == {"a": 1}


def test_it_trusts_no_other_authority(authority: Authority) -> None:
    with serving(authority.context()) as url:
        error = failing(url)
    assert "TLS certificate of 127.0.0.1 fails: unable to get local issuer" in str(error)


def test_it_says_that_the_other_side_does_not_speak_tls() -> None:
    with serve(lambda handler: send(handler, b"{}")) as url:
        error = failing(url.replace("http:", "https:"))
    assert isinstance(error, Unreachable)
    assert str(error) == "127.0.0.1 does not speak TLS as expected."


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_it_says_that_the_authorities_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(Refused, match="certificates to trust .* by cannot be read"):
        segment("https://api.segment.test", "sgp_test", ca_file=str(file))
