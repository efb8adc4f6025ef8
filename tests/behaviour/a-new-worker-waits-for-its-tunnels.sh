#!/usr/bin/env bash
# core
# FLOODS(BOUND_EDGE_HELD)
# A worker that begins has no tunnel yet. Who comes to it meanwhile waits, so many and no more: when the connector is back
# all of them are served, on the public port and on a service's own; when nobody comes they are told so, within seconds.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
PAGES=$(free_port) RAW=$(free_port) RAW_AT=$(free_port)
mkdir -p "$TMP/www" && echo "from home" >"$TMP/www/page"
start pages python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$PAGES"
start raw python3 -c '
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    c = s.accept()[0]
    c.sendall(b"hello\n")
    c.close()' "$RAW"
wait_for listening "$PAGES"
wait_for listening "$RAW"
edge_line 'max_conns = 64' # half of which may wait
host_section pages public pages.test
EDGE_GRANTED+=(raw.test)
EDGE_HOSTS+=("[service raw]" "listen = 127.0.0.1:$RAW_AT" "hostname = raw.test" "public = unauthenticated")
ingress pages 'hostname = pages.test' "service = http://127.0.0.1:$PAGES"
ingress raw 'hostname = raw.test' "service = tcp://127.0.0.1:$RAW"
ingress last 'service = http_status:404'
start_web
child_of() { "$ZT" status "$1" --json -c "$2" | python3 -c '
import json, sys
k = [k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]
print(k["pid"] if sys.argv[1] == "pid" else k["counters"][sys.argv[1]])' "$3"; }
served() { [ "$(web pages.test /page --max-time 2 2>/dev/null)" = "from home" ]; }
wait_for served

# 40 at once, and one at the service's port, to a worker that is dead: they wait in its queue. When 9 were told that it is
# too much, the connector may go on.
cat >"$TMP/crowd.py" <<'PY'
import asyncio, collections, os, signal, ssl, sys, time
port, raw, ca, kill, wake = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
tls = ssl.create_default_context(cafile=ca)
got, asked = collections.Counter(), time.monotonic()
async def ask(few):
    async with few:
        r, w = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="pages.test")
    w.write(b"GET /page HTTP/1.1\r\nHost: pages.test\r\nConnection: close\r\n\r\n")
    code = (await r.readline())[9:12].decode()
    got[code] += 1
    if wake and got["503"] == 9:
        os.kill(wake, signal.SIGCONT)
    w.close()
async def main():
    few = asyncio.Semaphore(8) # half of all may shake hands at once
    os.kill(kill, signal.SIGKILL)
    while os.path.exists("/proc/%d" % kill) and time.monotonic() - asked < 30:
        await asyncio.sleep(0.001)
    r, w = await asyncio.open_connection("127.0.0.1", raw) # first of all, so there is room for it
    await asyncio.wait_for(asyncio.gather(*(ask(few) for _ in range(40))), 60)
    got["raw " + (await r.readline()).decode().strip()] += 1
    print(*("%s: %d" % x for x in sorted(got.items())), sep=", ")
    print("figure: the last of them after %d ms" % ((time.monotonic() - asked) * 1000), file=sys.stderr)
asyncio.run(main())
PY
crowd() { python3 "$TMP/crowd.py" "$EDGE_PORT" "$RAW_AT" "$WEB_CA" "$(child_of edge "$EDGE_CONF" pid)" "$1"; }

home=$(child_of connector "$CONNECTOR_CONF" pid)
kill -STOP "$home"
same "$(crowd "$home")" "200: 31, 503: 9, raw hello: 1" "what came of them, with a connector that comes back"
same "$(child_of edge "$EDGE_CONF" edge_held_full)" 9 "how often there was no room to wait"
same "$(child_of edge "$EDGE_CONF" edge_held)" 0 "who waits still"

# Nobody comes back: they are told in a few seconds, and whoever comes then, at once.
wait_for served
kill -STOP "$home"
same "$(crowd 0)" "503: 40, raw : 1" "what came of them, without a connector"
same "$(web pages.test /page -o /dev/null -w '%{http_code}')" 503 "a page after that"
same "$(child_of edge "$EDGE_CONF" edge_held_full)" 9 "the one that came after that did not ask for a place"
kill -CONT "$home"
wait_for served
pass
