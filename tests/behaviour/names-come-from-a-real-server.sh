#!/usr/bin/env bash
# core
# `zt net probe` against dnsmasq: both families, aliases, names without addresses, names that do
# not exist, and an answer too big for a datagram. What dnsmasq says is also read by a second
# client that shares no code with zt.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.inc.sh"

dns=$(free_port) port=$(free_port)
for i in {1..60}; do echo "127.0.1.$i big.zt.test"; done >"$TMP/big.hosts"
start_dns dns "$dns" --addn-hosts="$TMP/big.hosts" \
	--host-record=nas.zt.test,127.0.0.1,::1 --host-record=v4.zt.test,127.0.0.1 \
	--cname=www.zt.test,alias.zt.test --cname=alias.zt.test,v4.zt.test \
	--address=/blocked.zt.test/# --local=/zt.test/ --txt-record=text.zt.test,hello
start_door door "$port" 127.0.0.1 127.0.1.5

probe() { # CODE HOST: the report is in $OUT
	expect "$1" "$ZT" net probe "$2:$port" --json --server "127.0.0.1:$dns" --hosts /dev/null
}

# second_client NAME: its A records as a plain resolver over TCP sees them, sorted.
second_client() {
	python3 - "$dns" "$1" <<'PY'
import socket, struct, sys
port, name = int(sys.argv[1]), sys.argv[2]
q = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
q += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0" + struct.pack(">HH", 1, 1)
s = socket.create_connection(("127.0.0.1", port))
s.sendall(struct.pack(">H", len(q)) + q)
f = s.makefile("rb")
r = f.read(struct.unpack(">H", f.read(2))[0])
at, found = len(q), []
for _ in range(struct.unpack(">H", r[6:8])[0]):
    while r[at] and r[at] < 192:
        at += r[at] + 1
    at += 2 if r[at] else 1
    kind, _, _, n = struct.unpack(">HHIH", r[at:at + 10])
    if kind == 1:
        found.append(socket.inet_ntoa(r[at + 10:at + 14]))
    at += 10 + n
print("\n".join(sorted(found)))
PY
}

# Both families; nobody listens on ::1, so both are tried.
probe 0 nas.zt.test
same "$(json address <<<"$OUT")" "127.0.0.1:$port" "the address reached"
same "$(tried)" "127.0.0.1:$port"$'\n'"[::1]:$port" "what was tried"
same "$(json asked <<<"$OUT")" 2 "the number of questions"

# An alias of an alias.
probe 0 www.zt.test
same "$(tried)" "127.0.0.1:$port" "what was tried"
probe 0 WWW.Zt.Test
same "$(json address <<<"$OUT")" "127.0.0.1:$port" "the address reached, whatever the case"

# There is no such name; there is, but it has no address; it is blocked.
probe 5 missing.zt.test
same "$(json result <<<"$OUT")" no-such-name "the result"
same "$(json tried <<<"$OUT")" "[]" "what was tried"
probe 5 text.zt.test
same "$(json result <<<"$OUT")" no-address "the result"
probe 5 blocked.zt.test
same "$(json result <<<"$OUT")" no-address "0.0.0.0 must not mean this machine; the result"

# Sixty addresses do not fit 512 bytes: the question goes out again over TCP. Sixteen are kept,
# and they are of those that the second client sees.
probe 0 big.zt.test
same "$(json asked_tcp <<<"$OUT")" 1 "the number of questions over TCP"
second_client big.zt.test >"$TMP/second"
same "$(wc -l <"$TMP/second")" 60 "the number of addresses that the second client sees"
tried | sed "s/:$port\$//" | sort >"$TMP/tried"
[ -s "$TMP/tried" ] || fail "no address was tried"
same "$(comm -23 "$TMP/tried" "$TMP/second")" "" "what zt tried and the second client never saw"
second_client v4.zt.test >"$TMP/second"
probe 0 v4.zt.test
same "$(tried | sed "s/:$port\$//")" "$(<"$TMP/second")" "what zt tried"

# dnsmasq was asked for both types, by zt, in lower case.
has "$(<"$TMP/dns.log")" "query[AAAA] www.zt.test from 127.0.0.1"
has "$(<"$TMP/dns.log")" "query[A] www.zt.test from 127.0.0.1"
lacks "$(<"$TMP/dns.log")" "WWW"
