"""URLs that an owner sets: refused when they are saved, where they can never be right."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from functions.errors import BadRequest
from functions.outbound import check_url, is_allowed

LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("10.1.0.0/16"))

NOT_PUBLIC = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255", "100.100.100.200", "192.0.0.192"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "64:ff9b:1::1", "2001::1", "2001:20::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::127.0.0.1"),
    *(
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::1",
        "::ffff:0:127.0.0.1",
    ),
    *("fe80::1%eth0", "::1%lo"),
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1"]
PUBLIC += ["2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_case_22_addresses_that_are_not_public(address: str) -> None:
    """Loopback, link-local, private, shared, multicast, reserved, and IPv6 that leads to such."""
    assert not is_allowed(address, ())
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadRequest):
        check_url("base_url", f"https://{host}/v1", ())


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """Those next to what is not, and IPv6 that leads to them."""
    assert is_allowed(address, ())
    host = f"[{address}]" if ":" in address else address
    assert check_url("base_url", f"https://{host}/v1", ()) == f"https://{host}/v1"


@given(st.ip_addresses() | st.integers(0, 2**32 - 1).map(IPv4Address))
@example(ip_address("64:ff9b::1"))
def test_case_22_nothing_is_allowed_that_is_not_global(address: IPv4Address | IPv6Address) -> None:
    """Whatever the standard library does not call global is refused; so are all forms of IPv6 that lead to it."""
    if is_allowed(str(address), ()):
        assert address.is_global
        assert not address.is_multicast
    if isinstance(address, IPv4Address) and not is_allowed(str(address), ()):
        number = int(address)
        for hidden in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80, number):
            assert not is_allowed(str(IPv6Address(hidden)), ())


def test_the_operators_networks_are_allowed() -> None:
    """Addresses inside OUTBOUND_ALLOWED_CIDRS, with plain http as well; those beside them stay refused."""
    for url in (
        "http://10.1.2.3:8000/v1",
        "https://10.1.2.3/",
        "http://127.0.0.1:8502",
        "http://[::1]:80/",
        "http://localhost:1",
    ):
        assert check_url("base_url", url, LOCAL) == url
    for url in ("http://10.2.0.1/", "https://10.2.0.1/", "http://llm.example/", "http://1.1.1.1/", "http://[::2]/"):
        with pytest.raises(BadRequest):
            check_url("base_url", url, LOCAL)
    assert is_allowed("::ffff:10.1.0.1", LOCAL)
    assert not is_allowed("::ffff:10.2.0.1", LOCAL)


LINES = r"""
not https: http://a.example ftp://a.example file:///etc/passwd gopher://a.example //a.example a.example
user: https://user@a.example https://u:p@a.example/ https://a.example@169.254.169.254/ https://@a.ex
fragment: https://a.example/#a https://a.example# https://a.example/v1#@evil.example
query: https://a.example/?a=b https://a.example?
port: https://a.ex:0/ https://a.ex:65536 https://a.ex:-1 https://a.ex:a https://a.ex:
numbers: https://127.1/ https://2130706433/ https://0x7f000001/ https://0177.0.0.1/ https://0x7f.1/
odd numbers: https://127.0.0.1./ https://1.2.3/ https://256.1.1.1/ https://1.1.1.1.1/ https://01.1.1.1/
this machine: https://localhost https://LOCALHOST:80 https://a.localhost/ https://LocalHost/x
names: https:// https:///x https://a..b https://.a https://a. https://-a.example https://a-.example
brackets: https://[1.2.3.4]/ https://[::1 https://::1]/ https://[]/ https://[::1%25lo]/ https://[v1.a]/
two readings: https://a.ex\@evil.ex/ https://a.ex\.evil.ex https:/\a.ex https:a.ex https:///a.ex
"""
REFUSED: dict[str, list[Any]] = {
    kind: urls.split() for kind, _, urls in (line.partition(": ") for line in LINES.strip().splitlines())
}
REFUSED |= {
    "no text": [None, 7, True, [], {}, b"https://a.example", ""],
    "long": [f"https://{'a' * 64}.example", f"https://{'a.' * 130}example", f"https://a.example/{'x' * 2048}"],
    "spaces": [" https://a.ex", "https://a.ex ", "https://a.ex/\n", "https://a.ex/\r\nHost: b", "https://a\t.ex"],
    "characters": ["https://a.ex/é", "https://ⓔxample.com", "https://a。ex", "https://%61.ex", "https://a.ex/\x00"],
}


@pytest.mark.parametrize("kind", REFUSED)
def test_case_22_urls_that_are_refused(kind: str) -> None:
    """Other schemes, users, fragments, addresses in disguise, what two parsers read in two ways; the field is named."""
    for url in REFUSED[kind]:
        with pytest.raises(BadRequest) as refusal:
            check_url("providers.mine.base_url", url, ())
        assert refusal.value.param == "providers.mine.base_url"
        assert refusal.value.message.startswith("providers.mine.base_url must")


def test_urls_that_are_right() -> None:
    """Names with ports and paths; a query only where it is asked for. The URL comes back as it was."""
    for url in ("https://api.openai.com/v1", "https://LLM.Example:8443/a/b-c_d~e/%20", "https://xn--bcher-kva.example"):
        assert check_url("base_url", url, ()) == url
    for url in ("https://login.example/keys?p=policy", "https://login.example/?a=b&c=/d?e"):
        assert check_url("jwks_url", url, (), query=True) == url


HOSTS = ("a.example", "127.0.0.1", "1.1.1.1", "[::1]", "[2606:4700::1]", "localhost", "0x7f.1", "https://", "http://")
SIGNS = (
    "@",
    ":",
    "/",
    "\\",
    "#",
    "?",
    "%",
    "..",
    ".",
    ":443",
    ":0",
    " ",
    "\t",
    "\n",
    "[",
    "]",
    "&",
    ";",
    "x",
    "é",
    "%2f",
)
PIECES = st.lists(st.sampled_from(HOSTS + SIGNS), max_size=7).map("".join)


@given(st.text(max_size=30) | PIECES)
def test_case_22_what_is_judged_is_what_is_asked(text: str) -> None:
    """Whatever passes, the clients that use it read the same host and port in it; and nothing fails otherwise."""
    for url in (text, f"https://{text}", f"https://a.example/{text}", f"https://a.example{text}", f"https://[{text}]/"):
        try:
            checked = check_url("base_url", url, LOCAL, query=True)
        except BadRequest:
            continue
        plain, ours, theirs = urlsplit(checked), URL(checked), httpcore.URL(checked)
        host = (plain.hostname or "").encode()
        assert {ours.host, theirs.host.decode().lower().strip("[]")} == {host.decode()}
        assert ours.port == (theirs.port or {b"https": 443, b"http": 80}[theirs.scheme])
        assert not plain.username
        assert not plain.fragment
        assert not set(checked) & set("#\\ \r\n\t")
