# shellcheck shell=bash
# dns.inc.sh: a real name server and places to connect to, for the scripts about names.
# Sourced after lib.sh.
need dnsmasq python3

# start_dns NAME PORT OPTION...: dnsmasq that knows nothing but what OPTIONs say.
start_dns() {
	local name=$1 port=$2
	shift 2
	start "$name" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
		--user="$(id -un)" --port="$port" --listen-address=127.0.0.1 --bind-interfaces \
		--log-queries --log-facility=- "$@"
	wait_for listening "$port"
}

# start_door NAME PORT ADDRESS...: accepts connections there and does nothing with them.
start_door() {
	start "$1" python3 -c '
import socket, sys, time
doors = []
for host in sys.argv[2:]:
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(sys.argv[1])))
    s.listen(64)
    doors.append(s)
print("open", flush=True)
while True:
    time.sleep(3600)
' "${@:2}"
	wait_for grep -q open "$TMP/$1.log"
}

# start_mute NAME PORT: takes questions and never answers.
start_mute() {
	start "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
print("open", flush=True)
while True:
    s.recv(600)
    print("asked", flush=True)
' "$2"
	wait_for grep -q open "$TMP/$1.log"
}

# tried: the addresses of the JSON report in $OUT, sorted, one a line.
tried() {
	json tried <<<"$OUT" | python3 -c '
import json, sys
for a in sorted(t["address"] for t in json.load(sys.stdin)):
    print(a)'
}
