"""A bridge that holds each frame for a time: the delay of a long way, below TCP, for kernels without netem.

python3 netns-delay.py [--loss PERCENT] MILLISECONDS INTERFACE INTERFACE ...

Python, as Node opens no packet sockets. Rates are limited by the queues of the interfaces. Prints "ready" once it
forwards. A line "cut 1 2" of its input parts the interfaces 1 and 2 from the others: no frame gets from one side to the
other until the next such line; "cut" alone parts none. Ends when its input does, and then prints how many frames it
forwarded, dropped, lost, and held too long.
"""

import argparse
import os
import random
import select
import socket
import sys
import time
from collections import deque

# Of linux/if_packet.h, linux/if_ether.h and asm-generic/socket.h.
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33

# What the kernel writes before a frame: segments and checksums that it still owes. It goes on unchanged.
VNET_HDR = 10
TO = slice(VNET_HDR, VNET_HDR + 6)
FROM = slice(VNET_HDR + 6, VNET_HDR + 12)

# A frame of many segments, at most.
LARGEST = VNET_HDR + 14 + 65536
# More than the queues behind the sockets hold, so that those decide what is dropped.
BUFFER = 2**26


def opened(interface: str) -> socket.socket:
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
    port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    port.bind((interface, ETH_P_ALL))
    return port


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--loss", type=float, default=0, help="percent of the frames, chosen at random")
    parser.add_argument("delay", type=float)
    parser.add_argument("interfaces", nargs="+")
    given = parser.parse_args()
    delay, loss = given.delay / 1000, given.loss / 100
    ports = [opened(interface) for interface in given.interfaces]
    chance = random.Random(1)
    apart = set()
    # The nodes compute on the same cores; this program sleeps nearly always.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    behind = {}
    waiting = deque()
    forwarded = dropped = lost = late = 0
    print("ready", flush=True)
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        readable = select.select([*ports, sys.stdin], [], [], timeout)[0]
        if sys.stdin in readable:
            # The commands come one at a time, each written at once.
            line = os.read(0, 1000).split()
            if not line:
                break
            apart = {ports[int(index)] for index in line[1:]}
            readable.remove(sys.stdin)
        now = time.monotonic()
        for port in readable:
            try:
                while True:
                    frame = port.recv(LARGEST)
                    behind[frame[FROM]] = port
                    waiting.append((now + delay, port, frame))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= now:
            due, source, frame = waiting.popleft()
            late += now - due > 0.001
            known = behind.get(frame[TO])
            for port in [known] if known else [port for port in ports if port is not source]:
                if (port in apart) != (source in apart) or chance.random() < loss:
                    lost += 1
                    continue
                try:
                    port.send(frame)
                    forwarded += 1
                except OSError:  # The queue of the interface is full.
                    dropped += 1
    print(f"{forwarded} frames forwarded, {dropped} dropped at a full queue, {lost} lost, {late} held more than 1 ms too long")


main()
