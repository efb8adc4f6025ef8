# shellcheck shell=bash
# workers.inc.sh: an edge of several workers, and what each of them says. Source lib.sh and web.inc.sh first. Not a test
# itself.
WORKERS=3
edge_line "workers = $WORKERS"
status_json() { "$ZT" status edge --json -c "$EDGE_CONF"; }
# of_workers EXPRESSION: of w, the workers in their order, each as the status says; c(i, NAME) is a counter, 0 where there is none.
of_workers() {
	status_json | python3 -c '
import json, sys
d = json.load(sys.stdin)
w = sorted((k for k in d["children"] if k["name"] == "worker"), key=lambda k: k.get("index", 0))
c = lambda i, name: (w[i]["counters"] or {}).get(name, 0)
total = d.get("together", {}).get("counters", {})
v = eval(sys.argv[1])
print(v)
sys.exit(0 if v else 1)' "$1"
}
all_have() { of_workers "all(c(i, '$1') == $2 for i in range(len(w))) and len(w) == $WORKERS"; } # COUNTER NUMBER
pid_of() { of_workers "w[$1]['pid']"; }
ms() { echo $(($(date +%s%N) / 1000000)); }
# ask_many N HOST PATH: N requests, each on a connection of its own, over whichever worker: how many answers of each status.
ask_many() {
	local i
	for ((i = 0; i < $1; i++)); do web "$2" "$3" -o /dev/null -w '%{http_code}\n' 2>&1; done | sort | uniq -c | sed 's/^ *//'
}
# drip_origin NAME PORT: /drip sends until its reader is gone, anything else says NAME.
drip_origin() {
	start "origin-$1" python3 "$ROOT/tests/behaviour/drip.py" "$2" "$1"
	wait_for listening "$2"
}
