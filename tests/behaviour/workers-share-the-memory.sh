#!/bin/bash
# security
# What a control group allows is for all workers of an edge together: three of them have a third each of what one would
# have, and say so. Where no group is to be had [limits] memory says what each has.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/workers.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/group.inc.sh"
LIMIT=100663296
GROUP=$(group) || GROUP=
host_section home public home.test
start_authority
join_role edge
edge_conf
if [ -n "$GROUP" ]; then
	# The shell that becomes zt moves itself first.
	start edge sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$GROUP" "$ZT" edge -c "$EDGE_CONF"
	BUDGET=$((LIMIT / 2 / WORKERS))
else
	EDGE_HOSTS+=('[limits]' 'memory = 16M')
	start_edge
	BUDGET=16777216
fi
wait_for "$ZT" health edge -c "$EDGE_CONF"
same "$(grep -c "fewer visitors than max_conns visitors=.* memory=$BUDGET" "$TMP/edge.log")" "$WORKERS" \
	"workers that have $BUDGET bytes: $(grep 'fewer visitors' "$TMP/edge.log")"
stop edge
[ -z "$GROUP" ] || wait_for rmdir "$GROUP"
pass
