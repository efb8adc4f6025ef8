#!/usr/bin/env python3
"""capture-hellos.py DIR [NAME...]

Writes the ClientHellos of real clients into DIR, a file each: what tests/fuzz/corpus/hello holds and
tests/unit/wire/test_hello_clients.c has the answers for. Each client is started against a socket on
127.0.0.1 that takes the first bytes and closes. A client that is not installed is passed over.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

SERVER = "nas.example.com"
NODE = ("const t=require('tls');const c=t.connect({port:%d,host:'127.0.0.1',servername:'%s',"
        "ALPNProtocols:['h2','http/1.1'],rejectUnauthorized:false});c.on('error',()=>0)")
PYTHON = ("import socket,ssl;c=ssl.create_default_context();c.check_hostname=False;"
          "c.set_alpn_protocols(['http/1.1'])\n"
          "try: c.wrap_socket(socket.create_connection(('127.0.0.1',%d)),server_hostname='%s')\n"
          "except OSError: pass")


def openssl(*more):
    return lambda port, db: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *more]


def gnutls(*more):
    return lambda port, db: ["gnutls-cli", "-p", str(port), "--insecure", *more, "127.0.0.1"]


def nss(*more):
    return lambda port, db: ["tstclnt", "-h", "127.0.0.1", "-p", str(port), "-d", "sql:" + db, "-o", *more]


CLIENTS = {
    "openssl": openssl("-servername", SERVER, "-alpn", "h2,http/1.1"),
    "openssl-12": openssl("-servername", SERVER, "-tls1_2"),
    "openssl-13": openssl("-servername", SERVER, "-tls1_3"),
    "openssl-11": openssl("-servername", SERVER, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
    "openssl-no-name": openssl("-noservername", "-alpn", "zt-tunnel/1"),
    "openssl-fragment": openssl("-servername", SERVER, "-maxfraglen", "1024"),
    "openssl-fallback": openssl("-servername", SERVER, "-tls1_2", "-fallback_scsv"),
    "openssl-status": openssl("-servername", "NAS.Example.COM", "-status", "-tls1_2"),
    "curl": lambda port, db: ["curl", "-sk", "--max-time", "3", "--resolve", f"{SERVER}:{port}:127.0.0.1",
                              f"https://{SERVER}:{port}/"],
    "curl-http1": lambda port, db: ["curl", "-sk", "--max-time", "3", "--http1.1", "--tls-max", "1.2", "--resolve",
                                    f"{SERVER}:{port}:127.0.0.1", f"https://{SERVER}:{port}/"],
    "curl-address": lambda port, db: ["curl", "-sk", "--max-time", "3", f"https://127.0.0.1:{port}/"],
    "gnutls": gnutls("--sni-hostname", SERVER, "--alpn", "h2", "--alpn", "http/1.1"),
    "gnutls-12": gnutls("--sni-hostname", SERVER, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"),
    "nss": nss("-a", SERVER, "-V", "tls1.2:tls1.3"),
    "nss-12": nss("-a", SERVER, "-V", "tls1.2:tls1.2"),
    "node": lambda port, db: ["node", "-e", NODE % (port, SERVER)],
    "python": lambda port, db: ["python3", "-c", PYTHON % (port, SERVER)],
}


def first_bytes(command, db):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        child = subprocess.Popen(command(server.getsockname()[1], db), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            peer, _ = server.accept()
            with peer:
                peer.settimeout(5)
                data = peer.recv(65536)
                while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
                    more = peer.recv(65536)
                    if not more:
                        break
                    data += more
            return data
        finally:
            child.kill()
            child.wait()


def main():
    out, wanted = sys.argv[1], sys.argv[2:] or list(CLIENTS)
    with tempfile.TemporaryDirectory() as db:
        if shutil.which("certutil"):
            subprocess.run(["certutil", "-N", "-d", "sql:" + db, "--empty-password"], check=True)
        for name in wanted:
            if not shutil.which(CLIENTS[name](0, db)[0]):
                print(f"{name}: not installed", file=sys.stderr)
                continue
            data = first_bytes(CLIENTS[name], db)
            with open(os.path.join(out, name), "wb") as f:
                f.write(data)
            print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
