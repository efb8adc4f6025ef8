# shellcheck shell=bash
# group.inc.sh: a control group with a limit of memory. Not a test itself.

# group: a control group of our own below the one that we are in; its memory limit is LIMIT. Prints its directory;
# false: there is none to be had here.
group() {
	local own root
	own=$(sed -n 's/^[0-9]*:memory:\(.*\)/\1/p' /proc/self/cgroup)
	if [ -n "$own" ]; then root=/sys/fs/cgroup/memory; else root=/sys/fs/cgroup own=$(sed -n 's/^0:://p' /proc/self/cgroup); fi
	[ -d "$root$own" ] || own=
	mkdir "$root$own/zt-test-$$" 2>/dev/null || return 1
	if echo "$LIMIT" >"$root$own/zt-test-$$/memory.limit_in_bytes" 2>/dev/null ||
		echo "$LIMIT" >"$root$own/zt-test-$$/memory.max" 2>/dev/null; then
		echo "$root$own/zt-test-$$"
	else
		rmdir "$root$own/zt-test-$$"
		return 1
	fi
}
