# shellcheck shell=bash
# Sourced: what a role and its children hold of memory.
pss_rows() { # PID PREFIX: a row for it and each of its children; sets total, their summed PSS
	local p pss rss name
	total=0
	for p in "$1" $(ps -o pid= --ppid "$1"); do
		[ -r "/proc/$p/smaps_rollup" ] || continue # one that tried what the kernel allows, and ended
		pss=$(awk '/^Pss:/ {print $2}' "/proc/$p/smaps_rollup")
		rss=$(awk '/^Rss:/ {print $2}' "/proc/$p/smaps_rollup")
		name=supervisor
		[ "$p" = "$1" ] || name=$(tr '\0' ' ' <"/proc/$p/cmdline" | awk '{print $3}')
		echo "| $2$name: PSS / RSS | $pss / $rss KiB |"
		total=$((total + pss))
	done
}
