"""From fork to the READY=1 datagram, as systemd would see it: median (min..max) in ms."""
import os
import signal
import socket
import statistics
import subprocess
import sys
import time

zt, tmp = sys.argv[1:3]
path = os.path.join(tmp, "notify")
times = []
for _ in range(21):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(10)
    begin = time.monotonic()
    p = subprocess.Popen([zt, "echo", "-c", os.path.join(tmp, "zt.conf")],
                         env={"NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL)
    assert s.recv(200).startswith(b"READY=1")
    times.append((time.monotonic() - begin) * 1000)
    p.send_signal(signal.SIGTERM)
    p.wait()
    s.close()
    os.unlink(path)
print(f"{statistics.median(times):.1f} ms ({min(times):.1f}..{max(times):.1f})")
