#!/usr/bin/env python3
"""capture-flights.py DIR

Writes what the two sides of real TLS 1.2 connections send into DIR, a file each, behind one byte that
fuzz_flight reads as its step: what tests/fuzz/corpus/flight holds and tests/unit/wire/test_flight.c
reads. A client's file begins behind its hello. The connections go through a socket of ours on 127.0.0.1.
"""
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

GCM, GCM256, CHACHA = ("ECDHE-ECDSA-" + s for s in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"))
TLS12 = ["-tls1_2"]
CERT = ["-cert", "cert.pem", "-key", "key.pem"]
OPENSSL = ["openssl", "s_client", "-connect", "127.0.0.1:%d"]
GNUTLS = ["gnutls-cli", "--insecure", "-p", "%d", "127.0.0.1", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"]

# name, the server's options, the client, how often it connects (the last time is kept)
CASES = [
    ("gcm", TLS12 + ["-cipher", GCM, "-no_ticket"], OPENSSL + TLS12, 1),
    ("chacha", TLS12 + ["-cipher", CHACHA, "-no_ticket"], OPENSSL + TLS12, 1),
    ("cert", TLS12 + ["-cipher", GCM256, "-Verify", "1", "-no_ticket"], OPENSSL + TLS12 + CERT, 1),
    ("resumed", TLS12 + ["-cipher", GCM], OPENSSL + TLS12 + ["-sess_out", "s.pem"], 2),
    ("gnutls", TLS12 + ["-cipher", GCM], GNUTLS, 1),
    ("refused", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], OPENSSL + TLS12, 1),
]


def pump(source, sink, seen):
    try:
        while data := source.recv(65536):
            seen.append(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def run(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def connect(middle, port, command):
    client = run([a % middle.getsockname()[1] if "%d" in a else a for a in command])
    near, _ = middle.accept()
    far = socket.create_connection(("127.0.0.1", port))
    up, down = [], []
    pumps = [threading.Thread(target=pump, args=a) for a in ((near, far, up), (far, near, down))]
    for p in pumps:
        p.start()
    time.sleep(0.7)
    try:
        client.stdin.write(b"hello\n")
        client.stdin.flush()
    except OSError:
        pass
    time.sleep(0.5)
    client.kill()
    client.wait()
    for p in pumps:
        p.join(5)
    return b"".join(up), b"".join(down)


def capture(server_options, client, times):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = run(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *CERT, "-rev", *server_options])
    try:
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", 0)) as middle:
            for i in range(times):
                result = connect(middle, port, client + (["-sess_in", "s.pem"] if i else []))
        return result
    finally:
        server.kill()
        server.wait()


def main():
    out = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", "key.pem", "-out", "cert.pem", "-days", "1", "-subj", "/CN=a"],
                       check=True, stderr=subprocess.DEVNULL)
        for name, server, client, times in CASES:
            up, down = capture(server, client, times)
            up = up[5 + int.from_bytes(up[3:5], "big"):]  # what stands behind the hello
            for side, data in (("client", up), ("server", down)):
                with open(os.path.join(out, f"{name}-{side}"), "wb") as f:
                    f.write(b"\x10" + data)
                print(f"{name}-{side}: {len(data)} bytes")


if __name__ == "__main__":
    main()
