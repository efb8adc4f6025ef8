#!/bin/bash
# In the order of its system calls a journal's writer keeps the contract: what it writes is
# fsync()ed before the answer leaves, a snapshot is fsync()ed before it gets its name and its
# directory after that, and what was read at the start is made safe before the first answer.
. "$(dirname "$0")/lib.sh"
need strace python3

JW=${JW:-$ROOT/build/rel/tests/tools/jwriter}
[ -x "$JW" ] || skip "$JW is not built (make tools)"
strace -o /dev/null true 2>/dev/null || skip "this machine does not let strace trace"

D=$TMP/state
mkdir -m 700 "$D"
for from in 1 8; do # a new file, and one that exists
	strace -o "$TMP/calls.$from" "$JW" log "$D" "$from" 7 3 >/dev/null || fail "jwriter"
done

cat >"$TMP/order.py" <<'PY'
import re, sys
# What is in memory only: descriptors with unsynced writes, and directories with unsynced names.
names, dirty, answers, renames = {}, set(), 0, 0
for line in open(sys.argv[1]):
    m = re.match(r"(\w+)\((.*)\)\s*= (-?\w+)", line)
    if not m or m[3].startswith("-"):
        continue
    call, args, result = m[1], m[2], m[3]
    path = re.search(r'"([^"]*)"', args)
    if call == "openat":
        names[result] = path[1]
        if "O_RDWR" in args and not path[1].endswith(".lock"):
            dirty.add(result)  # also what a predecessor may have left unsynced
        if path[1] == ".":
            dirty.add(result)
    elif call == "pwrite64":
        fd = args.split(",")[0]
        if not names[fd].endswith(".lock"):
            if not names[fd].endswith(".new"):
                assert not dirty, "goes on from what is not on the disk: " + line
            dirty.add(fd)
    elif call == "fsync":
        dirty.discard(args)
    elif call == "renameat":
        renames += 1
        new = [fd for fd, name in names.items() if name.endswith(".new")][-1]
        assert new not in dirty, "renamed before its fsync: " + line
        names[new] = "test.journal"
        dirty.add(args.split(",")[0])
    elif call == "close":
        dirty.discard(args)
        names.pop(args, None)
    elif call == "write" and args.startswith("1,"):
        answers += 1
        assert not dirty, "answered while %s is not on the disk: %s" % ([names[f] for f in dirty], line)
assert answers == 7, answers
assert renames == int(sys.argv[2]), renames
PY
python3 "$TMP/order.py" "$TMP/calls.1" 3 || fail "a new file"
python3 "$TMP/order.py" "$TMP/calls.8" 2 || fail "a file that exists"

# The same eye on a trace without one of the calls: it must see each that is missing.
seen=0
while read -r at; do
	sed "${at}d" "$TMP/calls.8" >"$TMP/without"
	if python3 "$TMP/order.py" "$TMP/without" 2 2>/dev/null; then
		fail "a missing fsync in line $at is not seen"
	fi
	seen=$((seen + 1))
done < <(grep -n '^fsync(' "$TMP/calls.8" | cut -d: -f1)
[ "$seen" -ge 10 ] || fail "only $seen missing calls were seen"
pass "$seen fsync calls, each of them needed"
