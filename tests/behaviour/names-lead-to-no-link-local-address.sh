#!/bin/bash
# security
# An origin that is written as a name is looked up anew for each stream. When the answer is a link-local address, or another
# one under which clouds hand out credentials, or one that a translator makes such an address of, it is not dialled; the same
# address in the connector's file is.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "skipped: only root has networks of its own"; exit 77; }
[ -n "${ZT_OWN_NET:-}" ] || ZT_OWN_NET=1 exec unshare -mn bash "${BASH_SOURCE[0]}"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
need ip
ip link set lo up && ip addr add 169.254.7.7/32 dev lo || fail "no address"
for at in fd00:ec2::254 64:ff9b::a9fe:a9fe; do ip addr add "$at/128" dev lo nodad || fail "no address"; done
printf '127.0.0.1 localhost good.test\n169.254.7.7 bad.test\n127.0.0.1 both.test\n169.254.7.7 both.test\n' >"$TMP/hosts"
printf 'fd00:ec2::254 cloud.test\n64:ff9b::a9fe:a9fe nat64.test\n' >>"$TMP/hosts"
mount --bind "$TMP/hosts" /etc/hosts || fail "no hosts of its own"

N=$(free_port)
for at in 127.0.0.1 169.254.7.7 fd00:ec2::254 64:ff9b::a9fe:a9fe; do
	mkdir -p "$TMP/www-$at"
	echo "$at" >"$TMP/www-$at/index.html"
	start "origin-$at" python3 -u -m http.server --bind "$at" --directory "$TMP/www-$at" "$N"
	wait_for curl -sg -o /dev/null "http://$([[ $at = *:* ]] && echo "[$at]" || echo "$at"):$N/up"
done
for h in good bad both written cloud nat64 meant; do
	host_section $h public $h.test
	at=$h.test
	[ $h = written ] && at=169.254.7.7
	[ $h = meant ] && at='[fd00:ec2::254]'
	ingress $h "hostname = $h.test" "service = http://$at:$N"
done
ingress last 'service = http_status:404'
start_web
same "$(web good.test /)" 127.0.0.1 "an origin by name"
same "$(web written.test /)" 169.254.7.7 "a link-local address that is written"
same "$(web bad.test / -o "$TMP/body" -w '%{http_code}')" 502 "a name that leads to one"
has "$(<"$TMP/body")" link-local
same "$(web meant.test /)" fd00:ec2::254 "a cloud's address that is written"
for h in cloud nat64; do same "$(web $h.test / -o /dev/null -w '%{http_code}')" 502 "$h: a name that leads to credentials"; done
for _ in 1 2 3 4; do same "$(web both.test /)" 127.0.0.1 "a name that leads to one, too"; done
same "$(grep -c 'GET / ' "$TMP/origin-169.254.7.7.log")" 1 "requests that came to the link-local address"
same "$(grep -c 'GET / ' "$TMP/origin-fd00:ec2::254.log")" 1 "requests that came to a cloud's address"
same "$(grep -c 'GET / ' "$TMP/origin-64:ff9b::a9fe:a9fe.log")" 0 "requests that came through a translator"
pass
