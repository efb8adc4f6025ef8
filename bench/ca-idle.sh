#!/bin/bash
# The memory of an authority at rest: summed PSS of `zt ca serve` and its children, before anybody came, after
# some joins and requests, and beside watchers that wait.
set -eu
cd "$(dirname "$0")/.."
. bench/memory.inc.sh
zt=$PWD/zt
tmp=$(mktemp -d)
pid=
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$tmp"; }
trap cleanup EXIT
chmod 700 "$tmp"
# Two neighbours that are free.
port=$(python3 - <<'PY'
import socket
for port in range(18443, 19443, 2):
    try:
        for p in (port, port + 1):
            with socket.socket() as s: s.bind(("127.0.0.1", p))
        print(port)
        break
    except OSError: pass
PY
)
printf '[state]\ndir = %s/state\nrun_dir = %s/run\n[tls]\nper_address = 100000\nburst = 100000\n[ca]\nlisten = 127.0.0.1:%d\nhttp_listen = 127.0.0.1:%d\nreach = 127.0.0.1:%d\n' \
	"$tmp" "$tmp" "$port" $((port + 1)) "$port" >"$tmp/zt.conf"
"$zt" ca init -c "$tmp/zt.conf" >/dev/null
"$zt" ca serve -c "$tmp/zt.conf" 2>"$tmp/log" &
pid=$!
for _ in $(seq 500); do
	"$zt" health ca -c "$tmp/zt.conf" >/dev/null 2>&1 && break
	sleep 0.01
done

memory() { # WHAT: a row for each process and the sum
	pss_rows "$pid" "$1, "
	echo "| **$1, all: PSS** | $total KiB |"
}

echo "### An authority at rest"
echo
echo "| measure | value |"
echo "|---|---|"
memory "at start"
token=$("$zt" token create connector --uses 100 -c "$tmp/zt.conf" | grep -o 'zt1_[A-Za-z0-9_-]*')
export PYTHONPATH=$PWD/tests/behaviour PYTHONDONTWRITEBYTECODE=1
TOKEN=$token PORT=$port TMPD=$tmp python3 - <<'PY' &
import os, sys, time
from enrolpeer import *
port, tmp, t = int(os.environ["PORT"]), os.environ["TMPD"], Token(os.environ["TOKEN"])
for i in range(20):
    keep(join(port, t, request(f"{tmp}/{i}.key"), source=f"127.0.0.{i + 1}"), f"{tmp}/{i}.pem")
open(tmp + "/joined", "w").close()
while not os.path.exists(tmp + "/go"): time.sleep(0.01)
held = [watch(port, f"{tmp}/0.pem", f"{tmp}/0.key", instance=bytes(16), source=f"127.0.1.{i % 250 + 1}") for i in range(200)]
for w in held:
    while w.read()[0] != ANCHORS: pass
open(tmp + "/watching", "w").close()
while not os.path.exists(tmp + "/end"): time.sleep(0.01)
PY
py=$!
until [ -e "$tmp/joined" ]; do kill -0 "$py"; sleep 0.05; done
for _ in $(seq 50); do curl -s -o "$tmp/got" "http://127.0.0.1:$((port + 1))/crl/infra.crl"; done
memory "after 20 joins, 50 lists"
: >"$tmp/go"
until [ -e "$tmp/watching" ]; do kill -0 "$py"; sleep 0.05; done
memory "200 watchers"
: >"$tmp/end"
wait "$py"
