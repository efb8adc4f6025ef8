#!/usr/bin/env bash
# wrk, h2load, a WebSocket client of node's and a browser, through edge and tunnel to an application in node. WEB_MESSAGES:
# how many WebSocket messages (10000).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
need node wrk h2load chromium
APP=$(free_port)
export NODE_PATH=/usr/share/nodejs
start app node "$ROOT/tests/tools/web_app.js" "$APP"
wait_for grep -q listening "$TMP/app.log"
host_section app public "app.test localhost"
ingress all "service = http://127.0.0.1:$APP"
start_web

# ---- load: every answer is a good one
expect 0 wrk -t 1 -c 16 -d 1s "https://localhost:$EDGE_PORT/small"
lacks "$OUT" "Non-2xx"
lacks "$OUT" "Socket errors"
asked=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' <<<"$OUT")
[ "${asked:-0}" -gt 100 ] || fail "wrk made hardly any requests: $OUT"
expect 0 h2load --h1 -n 1000 -c 8 -m 1 "https://localhost:$EDGE_PORT/small"
has "$OUT" "1000 succeeded, 0 failed, 0 errored"

# ---- WebSocket: in order, byte by byte
MESSAGES=${WEB_MESSAGES:-10000}
expect 0 node "$ROOT/tests/tools/ws_count.js" "$EDGE_PORT" localhost "$WEB_CA" "$MESSAGES"
same "${OUT%% *}" "$MESSAGES" "messages that came back"
echo "figure: WebSocket messages there and back: $MESSAGES, $(cut -d' ' -f2 <<<"$OUT") bytes each way"

# ---- a browser: 50 assets at once, a WebSocket that stays
mkdir -p "$TMP/home"
start browser env HOME="$TMP/home" chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
	--disable-background-networking --user-data-dir="$TMP/home/profile" --remote-debugging-port=0 \
	--host-resolver-rules="MAP app.test:443 127.0.0.1:$EDGE_PORT" \
	--ignore-certificate-errors-spki-list="$(openssl x509 -in "$WEB/app.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
		openssl dgst -sha256 -binary | base64)" https://app.test/page
wait_for grep -q '^done ' "$TMP/app.log"
same "$(grep '^done ' "$TMP/app.log")" 'done {"right":50,"echoed":200,"open":true}' "what the browser has done"
stop browser
edge_is_alive
