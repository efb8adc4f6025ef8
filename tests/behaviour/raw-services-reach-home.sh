#!/usr/bin/env bash
# core
# security
# Raw services through the tunnel: an edge that home has called, a connector that dialled out, and behind it programs
# that never heard of zt. Bytes both ways, TLS end to end, ssh; and nothing at all without a connector, without a
# grant, after a revocation.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
. "$(dirname "$0")/home.inc.sh"
need nginx curl sshd ssh ssh-keygen

start_ca
start_home_programs
join_edge vps
join_connector nas
edge_conf >"$TMP/edge.conf"
start_edge

# Nobody is there yet: the connection ends without a byte, and the log says why.
same "$(first_byte "$RAW")" "b''" "what a visitor gets before the connector is there"
wait_for lines '"route":"raw"' '"decision":"no-connector"' '"by":"edge"'
same "$(subject inner.test)" "" "what is shown before the connector is there"
wait_for lines '"kind":"pass-through"' '"decision":"no-connector"' '"bytes_read":0,'

connector_conf >"$TMP/connector.conf"
start connector "$ZT" connector -c "$TMP/connector.conf"
wait_for edge_says tunnels 1

# 64 MB there, its digest and 64 MB back, a half-close between them.
python3 "$ROOT/tests/behaviour/digest.py" client "$RAW" $((64 << 20)) || fail "64 MB through a raw port and the tunnel"
wait_for lines '"kind":"tcp"' '"route":"raw"' "\"bytes_read\":$((64 << 20))" "\"size\":$(((64 << 20) + 64))" '"decision":"allowed"' "\"connector\":\"$CONNECTOR\""

# TLS that home ends, by name; another name is not passed on.
has "$(subject inner.test)" "CN = inner"
same "$(curl -sS --cacert "$TMP/inner.pem" --resolve "inner.test:$E:127.0.0.1" "https://inner.test:$E/hello")" "hello from home" "the page"
has "$(subject web.test)" "CN = web"
same "$(subject other.test)" "" "what an unknown name is shown"

# Real ssh, and a session that lives.
expect 0 "${SSH[@]}" 'echo here; head -c 3000000 /dev/zero | sha256sum'
has "$OUT" "here"
has "$OUT" "$(head -c 3000000 /dev/zero | sha256sum)"
"${SSH[@]}" 'echo lives; exec sleep 60' >"$TMP/session.log" 2>&1 </dev/null &
PIDS[session]=$!
wait_for grep -q lives "$TMP/session.log"

# A name whose grant is taken away: its sessions end, the others go on.
edge_conf | sed 's/^names = ssh.home.test, /names = /' >"$TMP/edge.conf"
expect 0 "$ZT" reload edge -c "$TMP/edge.conf"
join session
[ "$STATUS" != 0 ] || fail "ssh ended as if nothing were wrong"
wait_for lines '"route":"ssh"' '"fault":"' '"decision":"allowed"'
same "$(first_byte "$SSHP")" "b''" "what a visitor of a name without a grant gets"
wait_for lines '"route":"ssh"' '"decision":"not-granted"'
python3 "$ROOT/tests/behaviour/digest.py" client "$RAW" 100000 || fail "the other names do not go on"
edge_conf >"$TMP/edge.conf"
expect 0 "$ZT" reload edge -c "$TMP/edge.conf"
expect 0 "${SSH[@]}" 'echo again'

# An origin that is down.
same "$(first_byte "$GONE")" "reset" "what a visitor of a dead origin gets"
wait_for lines '"route":"gone"' '"fault":"origin-refused"' '"by":"origin"'

# Revoked: what lives through that connector is cut at once.
"${SSH[@]}" 'echo lives; exec sleep 60' >"$TMP/session.log" 2>&1 </dev/null &
PIDS[session]=$!
wait_for grep -q lives "$TMP/session.log"
began=$(date +%s%N)
ca 0 revoke nas
join session
echo "the session ended $((($(date +%s%N) - began) / 1000000)) ms after the command"
[ "$STATUS" != 0 ] || fail "ssh ended as if nothing were wrong"
same "$(first_byte "$RAW")" "b''" "what a visitor gets when the connector is revoked"
pass
