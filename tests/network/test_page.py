"""What docs/vpn.md has an operator check at the end, at both ends of a real tunnel.

Skipped, with a word, where there is no `wg`.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.blocks import special
from tests.network.conftest import Connected
from tests.network.namespace import Namespace
from tests.stand import ROOT

RECENT_S = 180
"""A handshake is made every two minutes: a tunnel whose last one is older is down."""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`sudo`, for those who are root already, and `ping` where the machine has none."""
    if not shutil.which("wg"):
        pytest.skip("NO PROOF OF THE PAGE'S CHECKS: there is no `wg` (Debian: apt install wireguard-tools)")
    scripts = {"sudo": 'exec "$@"'}
    if not shutil.which("ping"):
        scripts["ping"] = f'PYTHONPATH="{ROOT}" exec {sys.executable} -m tests.network.ping "$@"'
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(machine: Namespace, programs: Path, name: str) -> str:
    """A block of the page, pasted into a shell there."""
    script = f'PATH="{programs}:$PATH"\n{special(name).code}'
    done = subprocess.run(
        [*machine.enter(), "sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_check_from_the_llama_servers_end(connected: Connected, programs: Path) -> None:
    """A handshake of less than three minutes ago, packets to the router and back, and the llama-server's own answer."""
    told = run(connected.site.far, programs, "the tunnel, seen from the llama-server")
    peer, handshake = told.splitlines()[0].split()
    assert peer == connected.site.keys[0].public
    assert time.time() - int(handshake) < RECENT_S
    assert '{"status":"ok"}' in told


def test_the_check_from_the_routers_end(connected: Connected, programs: Path) -> None:
    """The tunnel as WireGuard shows it, the llama-server through it, and a packet of 1420 bytes in one piece."""
    told = run(connected.site.near, programs, "the tunnel, seen from the router")
    assert f"peer: {connected.site.keys[1].public}" in told
    assert '{"status":"ok"}' in told


def test_a_packet_that_is_too_large_is_lost(connected: Connected, programs: Path) -> None:
    """So the page's last line can tell a line that takes less: one byte more than the tunnel takes does not pass."""
    command = [*connected.site.near.enter(), "sh", "-c", f'PATH="{programs}:$PATH"; ping -c 1 -M do -s 1393 100.64.0.2']
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0
