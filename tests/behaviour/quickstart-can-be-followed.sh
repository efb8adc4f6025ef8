#!/usr/bin/env bash
# Whoever copies the blocks of README's "A VPS and a home in ten minutes" has what it promises: every block marked sh is
# run as it stands, on two machines that are two directories here. Only what is another place or port on this machine is
# written otherwise, and what is carried from one to the other is carried by a file.
. "$(dirname "$0")/lib.sh"
need openssl curl python3
mkdir -p "$TMP/bin" "$TMP/work" "$TMP/home/etc" "$TMP/vps/etc" "$TMP/vps/live/home" "$TMP/vps/archive"
chmod 711 "$TMP" "$TMP/vps" "$TMP/home"
# zt as somebody has it who is on that machine: the one configuration and state of it.
cat >"$TMP/bin/zt" <<END
#!/bin/sh
export ZT_STATE_DIR=$TMP/\$SIDE/lib ZT_STATE_RUN_DIR=$TMP/\$SIDE/run
exec "$ZT" "\$@" -c "$TMP/\$SIDE/etc/zt.conf"
END
chmod +x "$TMP/bin/zt"

# Certificates as certbot keeps them: links into an archive. N is the how manieth.
certbot() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$TMP/vps/archive/privkey$1.pem" \
		-out "$TMP/vps/archive/fullchain$1.pem" -subj "/CN=home$1" -addext 'basicConstraints = critical, CA:false' \
		-addext 'subjectAltName = DNS:prox.example.com, DNS:ha.example.com, DNS:cloud.example.com' 2>/dev/null || fail "openssl"
	chmod 600 "$TMP/vps/archive/privkey$1.pem"
	ln -sf "../../archive/fullchain$1.pem" "$TMP/vps/live/home/fullchain.pem"
	ln -sf "../../archive/privkey$1.pem" "$TMP/vps/live/home/privkey.pem"
}
certbot 1

# What is at home: one with a certificate of its own making, as appliances have it, two without.
cat >"$TMP/origin.py" <<'PY'
import http.server, socketserver, ssl, sys, time
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        endless = self.path == "/endless"
        self.send_response(200)
        self.send_header("Content-Length", "1000000000" if endless else str(len(sys.argv[1])))
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())
        while endless:
            self.wfile.write(b"x" * 1000)
            time.sleep(0.05)
    def log_message(self, *a): pass
class S(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    def handle_error(self, *a): pass
s = S(("127.0.0.1", int(sys.argv[2])), H)
if len(sys.argv) > 3:
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(sys.argv[3])
    s.socket = c.wrap_socket(s.socket, server_side=True)
s.serve_forever()
PY
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pve -keyout "$TMP/pve.key" -out "$TMP/pve.crt" 2>/dev/null
cat "$TMP/pve.key" "$TMP/pve.crt" >"$TMP/pve.pem"
PROX=$(free_port) HA=$(free_port) CLOUD=$(free_port) E=$(free_port) CA=$(free_port)
start prox python3 "$TMP/origin.py" proxmox "$PROX" "$TMP/pve.pem"
start ha python3 "$TMP/origin.py" homeassistant "$HA"
start cloud python3 "$TMP/origin.py" nextcloud "$CLOUD"
for port in "$PROX" "$HA" "$CLOUD"; do wait_for listening "$port"; done
expect 4 "$ZT" tls probe "127.0.0.1:$PROX"
PIN=$(sed -n 's/^ *pin  *\(sha256:[0-9a-f]*\)$/\1/p' <<<"$OUT")
[ -n "$PIN" ] || fail "no pin in: $OUT"

# The blocks, each in its place.
cat >"$TMP/guide" <<'END'
trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT
END
awk -v tmp="$TMP" '/^## / {in_it = /A VPS and a home/} !in_it {next} /^```sh$/ {on = 1; print "echo \"#block\""; next} /^```$/ {on = 0}
	/^# at home$/ {side = "home"} /^# on the VPS$/ {side = "vps"} on && /^# (at|on) / {print "export SIDE=" side}
	on {gsub("/etc/zt", tmp "/" side "/etc"); print}' "$ROOT/README.md" |
	sed -e "s#/etc/letsencrypt#$TMP/vps#; s#192.168.1.10:8006#127.0.0.1:$PROX#" \
		-e "s#192.168.1.20:8123#127.0.0.1:$HA#; s#192.168.1.30:8080#127.0.0.1:$CLOUD#; s#sha256:0*\$#$PIN#" \
		-e "s#vps.example.com:443#localhost:$E#; s#0.0.0.0:443#127.0.0.1:$E#; s#\b7443\b#$CA#" \
		-e 's#^zt token create edge vps.*#zt token create edge vps | tee token#' \
		-e "s#^zt ca anchors device .*#zt ca anchors device >$TMP/vps/etc/device.pem#" \
		-e 's#^zt edge join.*#zt edge join <token \& join=$!#; s#^zt ca call.*#&; wait $join#' >>"$TMP/guide"
same "$(grep -c '^echo "#block"' "$TMP/guide")" 6 "the number of blocks"
# The last one is for later: somebody is in the middle of something then.
awk '/^echo "#block"/ {n++} n == 6 {print "touch ready; until [ -e go ]; do sleep 0.05; done"; n++} {print}' "$TMP/guide" >"$TMP/guide.sh"
printf 'touch revoked; until [ -e over ]; do sleep 0.05; done\n' >>"$TMP/guide.sh"
cd "$TMP/work" || fail "cd"
PATH=$TMP/bin:$PATH start guide timeout 120 bash -e "$TMP/guide.sh"
wait_for eval "[ -e ready ] || has_ended guide"
said() { grep -qF -- "$1" "$TMP/guide.log" || fail "the guide does not print '$1'"; }
running guide || fail "it ends in block $(grep -c '^#block' "$TMP/guide.log")"
said 'joined as edge'
said 'joined as connector'
same "$(grep -c '^OK: 1 file' "$TMP/guide.log")" 2 "how many configurations are good"
same "$(grep "warning: " "$TMP/guide.log" | grep -vc "access: public: everybody")" 0 "how many other warnings there are"
said 'access: public: everybody who finds it gets through'
wait_for grep -q 'Connected to network' "$TMP/guide.log"
wait_for grep -q 'a connector is connected' "$TMP/guide.log" # it is let in with the first status list
lacks "$(<"$TMP/guide.log")" 'a connector claims a name'

# A visitor from anywhere, with and without the phone's file.
PASSWORD=$(sed -n 's/^ *password  *//p' "$TMP/guide.log")
visit() { curl -sS --max-time 60 --cacert "$TMP/vps/live/home/fullchain.pem" --connect-to "$1:443:127.0.0.1:$E" "${@:3}" "https://$1$2"; }
PHONE=(--cert-type P12 --cert "anns-phone.p12:$PASSWORD")
same "$(visit prox.example.com / "${PHONE[@]}")" proxmox "what the phone sees of prox"
same "$(visit ha.example.com / "${PHONE[@]}")" homeassistant "what the phone sees of ha"
same "$(visit cloud.example.com /)" nextcloud "what everybody sees of cloud"
for name in prox ha; do
	same "$(visit "$name.example.com" / -o /dev/null -w '%{http_code}')" 403 "$name without a certificate"
done

# The edge has reached the authority through its own port and home's connector. Then certbot's files change, and its hook
# is run.
wait_for grep -q 'watches peer=.* role=edge' "$TMP/guide.log"
certbot 2
SIDE=vps expect 0 "$TMP/bin/zt" reload edge
serves() { openssl s_client -connect "127.0.0.1:$E" -servername cloud.example.com </dev/null 2>/dev/null | openssl x509 -noout -subject; }
same "$(serves)" "subject=CN = home2" "what the edge shows after the hook"
same "$(visit cloud.example.com /)" nextcloud "what everybody sees with the new certificate"

# The phone is lost in the middle of a download.
visit prox.example.com /endless "${PHONE[@]}" -o download 2>"$TMP/download.log" &
DOWNLOAD=$!
wait_for test -s download
touch go
wait_for gone "$DOWNLOAD"
wait "$DOWNLOAD" && fail "the download has ended well"
same "$(visit prox.example.com / "${PHONE[@]}" -o /dev/null -w '%{http_code}')" 403 "a phone that was revoked"
same "$(visit cloud.example.com /)" nextcloud "what everybody sees still"
touch over
join guide
same "$STATUS" 0 "the end of the guide"
pass
