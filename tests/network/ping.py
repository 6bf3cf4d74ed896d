"""`ping -c N [-M do] [-s BYTES] ADDRESS`, for machines that have none: ICMP, by a raw socket, as root."""

import argparse
import os
import socket
import struct
import sys
import time

ECHO, REPLY = 8, 0
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
"""Linux's numbers: <linux/in.h>."""
WAIT_S = 3.0
HEAD = struct.Struct("!BBHHH")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def answered(line: socket.socket, address: str, number: int, size: int) -> bool:
    """Whether one packet came back. Raises OSError where it is too large for the way."""
    mine, data = os.getpid() & 0xFFFF, b"\0" * size
    head = HEAD.pack(ECHO, 0, checksum(HEAD.pack(ECHO, 0, 0, mine, number) + data), mine, number)
    line.sendto(head + data, (address, 0))
    deadline = time.monotonic() + WAIT_S
    while (left := deadline - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            packet = line.recv(65536)
        except TimeoutError:
            return False
        kind, _, _, whose, which = HEAD.unpack_from(packet, 4 * (packet[0] & 15))
        if (kind, whose, which) == (REPLY, mine, number):
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", type=int, required=True)
    parser.add_argument("-M", choices=["do"])
    parser.add_argument("-s", type=int, default=56)
    parser.add_argument("address")
    given = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as line:
        if given.M:
            line.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        came = [answered(line, given.address, number, given.s) for number in range(given.c)]
    print(f"{given.c} sent, {sum(came)} received")
    return 0 if all(came) else 1


if __name__ == "__main__":
    sys.exit(main())
