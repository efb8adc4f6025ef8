#!/usr/bin/env bash
# core
# security
# Anchors, revocation lists, the status list and health over HTTP and HTTPS, read by curl and openssl; what is
# no plain GET is refused; a revocation is on the list at once; a signing process that hangs is said.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca
PLAIN=http://127.0.0.1:$HTTP TLS=https://127.0.0.1:$ENROL
# get URL [CURL OPTION...]: the body into $TMP/got, "code type length" into $SAID.
get() {
	SAID=$(curl -s --max-time 30 --cacert "$CA/infra.pem" -o "$TMP/got" -w '%{http_code} %{content_type} %{size_download}' "${@:2}" "$1") ||
		fail "curl $*: $?"
}

for at in "$PLAIN" "$TLS"; do
	get "$at/health"
	same "$SAID" "200 application/json 16" "health of $at"
	same "$(<"$TMP/got")" '{"status":"ok"}' "health of $at"
	get "$at/roots.pem"
	same "${SAID% *}" "200 application/x-pem-file" "$at/roots.pem"
	cat "$CA/infra.pem" "$CA/device.pem" "$CA/acme.pem" | cmp -s - "$TMP/got" || fail "$at/roots.pem are other anchors"
	for a in infra device acme; do
		get "$at/roots/$a.pem"
		cmp -s "$CA/$a.pem" "$TMP/got" || fail "$at/roots/$a.pem is another anchor"
		get "$at/crl/$a.crl"
		same "${SAID% *}" "200 application/pkix-crl" "$at/crl/$a.crl"
		expect 0 openssl crl -inform DER -in "$TMP/got" -noout -verify -CAfile "$CA/$a.pem"
		cp "$TMP/got" "$TMP/$a.crl"
		get "$at/crl/$a.pem"
		openssl crl -inform DER -in "$TMP/$a.crl" | cmp -s - "$TMP/got" || fail "$at/crl/$a.pem is not its DER as openssl writes it"
		get "$at/crl/$a.1.crl"
		cmp -s "$TMP/$a.crl" "$TMP/got" || fail "the first generation is another list"
	done
	get "$at/crl"
	cmp -s "$TMP/device.crl" "$TMP/got" || fail "$at/crl is not that of the device anchor"
	get "$at/status"
	same "${SAID% *}" "200 application/octet-stream" "$at/status"
done
py <<'PY' || fail "the status list"
import urllib.request
def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{HTTP}{path}") as r: return r.status, r.headers, r.read()
code, heads, body = get("/status")
head, entries = listed(body)
assert code == 200 and head["kind"] == 1 and head["n"] == len(entries) == 1, head
assert heads["Content-Length"] == str(len(body)) and heads["Cache-Control"] == "no-store" and heads["Date"].endswith("GMT")
code, _, body = get(f"/status?since={head['number']}")
assert code in (204, 200) and (code == 200) == bool(body)
code, _, body = get("/status?since=nonsense&epoch=x")
assert listed(body)[0]["kind"] == 1
code, _, body = get(f"/status?epoch={head['epoch'] + 1}&since={head['number']}")
assert listed(body)[0]["kind"] == 1
PY

# HEAD is the same head and no body.
curl -s -I "$PLAIN/crl/infra.pem" >"$TMP/head" || fail "HEAD"
curl -s -D "$TMP/head2" -o "$TMP/got" "$PLAIN/crl/infra.pem"
same "$(grep -v Date "$TMP/head")" "$(grep -v Date "$TMP/head2")" "the head"
same "$(grep -ci '^connection: close' "$TMP/head")" 1 "Connection: close"

# Refused in a line.
while read -r code path args; do
	# shellcheck disable=SC2086 # words
	get "$PLAIN$path" $args
	same "${SAID%% *}" "$code" "the code of $path $args"
	same "$(wc -l <"$TMP/got")" 1 "lines of the answer to $path $args"
done <<'END'
404 /
404 /nope
404 /healthy
404 /roots
404 /roots/nope.pem
404 /roots/infra.crl
404 /roots/infra.1.pem
404 /crl/
404 /crl/nope.crl
404 /crl/infra
404 /crl/infra.0.crl
404 /crl/infra.9.crl
404 /crl/infra.1.1.crl
404 /status/
405 /crl -X POST
405 /crl -X DELETE
400 /crl -X GET -d body
400 /%63rl
END
same "$(curl -s -o "$TMP/got" -w '%{http_code}' "$PLAIN/$(printf 'a%.0s' {1..1100})")" 414 "a long line"
same "$(curl -s -o "$TMP/got" -w '%{http_code}' -H "A: $(printf 'a%.0s' {1..9000})" "$PLAIN/crl")" 431 "a long head"
py <<'PY' || fail "requests by hand"
def ask(data, parts=1):
    s = socket.create_connection(("127.0.0.1", HTTP)); s.settimeout(60)
    for i in range(parts):
        s.sendall(data[len(data) * i // parts:len(data) * (i + 1) // parts])
    got = b""
    while True:
        part = s.recv(65536)
        if not part: return got
        got += part
good = b"GET /health HTTP/1.0\r\n\r\n"
assert ask(good).startswith(b"HTTP/1.1 200 ")
assert ask(good, len(good)).startswith(b"HTTP/1.1 200 "), "byte by byte"
# The answer is whole although more was sent than anybody reads.
assert ask(good + b"x" * 100000).endswith(b'{"status":"ok"}\n')
for bad in (b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.0\n\n", b"\x16\x03\x01\x00\x05", b"GET /health\r\n\r\n",
            b"GET http://a/health HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"):
    assert ask(bad).startswith(b"HTTP/1.1 400 "), bad
PY

# Revoked: on the next list that anybody reads.
ca 0 issue client lost --out "$TMP/out"
get "$PLAIN/crl/infra.crl"
before=$(openssl crl -inform DER -in "$TMP/got" -noout -crlnumber)
ca 0 revoke lost
get "$PLAIN/crl/infra.crl"
serial=$(ca 0 show lost --json && grep -o '"serial":"[0-9a-f]*"' <<<"$OUT" | head -1 | cut -d'"' -f4)
[ -n "$serial" ] && openssl crl -inform DER -in "$TMP/got" -noout -text | grep -qi "$serial" || fail "the revoked serial is not on the list"
[ "$(openssl crl -inform DER -in "$TMP/got" -noout -crlnumber)" != "$before" ] || fail "the number of the list stayed"

# Hangs, or is gone: health says so, and everything else too; then all is well again.
sign=$(ca_child sign pid)
kill -STOP "$sign"
get "$PLAIN/health"
same "${SAID%% *}" 503 "health while the signing process hangs"
has "$(<"$TMP/got")" "does not answer"
get "$PLAIN/crl"
same "${SAID%% *}" 503 "the list while the signing process hangs"
kill -CONT "$sign"
wait_for ca_is_healthy
kill -9 "$sign"
wait_for ca_is_healthy
get "$PLAIN/crl"
same "${SAID%% *}" 200 "the list from the new signing process"
[ "$(front http)" -gt 60 ] || fail "requests were not counted: $(front http)"
stop ca
same "$STATUS" 0 "the exit code"
