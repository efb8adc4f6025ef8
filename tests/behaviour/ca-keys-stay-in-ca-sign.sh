#!/usr/bin/env bash
# security
# The authority's keys and their passphrase are in the memory of ca-sign and nowhere else, the key of its TLS
# endpoint in that of its tlsd; ca-sign has no descriptor but what it was given, no socket of the network,
# and no file outside its directory. All memory of every process of a running authority is searched.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
need python3
need_root # to read the memory of what may not be read
cd "$TMP/out" || fail "no $TMP/out"
(umask 077 && openssl rand -hex 24 >"$TMP/pass")
printf 'key_pass_file = %s\n' "$TMP/pass" >>"$CONF"
ca 0 init
start role "$ZT" ca -c "$CONF"
is_healthy() { "$ZT" health ca -c "$CONF"; }
wait_for is_healthy
ca 0 issue client one
ca 0 issue device two
ca 0 crl infra --out infra.crl
expect 0 "$ZT" reload ca -c "$CONF"

cat >"$TMP/keys.py" <<'PY'
import json, os, re, subprocess, sys, tlsraw
zt, conf, ca, passfile, sup, log, sandbox = sys.argv[1:8]
def scalar(path):
    text = subprocess.run(["openssl", "pkey", "-in", path, "-passin", f"file:{passfile}", "-noout", "-text"], check=True,
                          capture_output=True, text=True).stdout
    digits = re.search(r"priv:\n([0-9a-f:\s]+)pub:", text).group(1)
    return bytes.fromhex(re.sub(r"[:\s]", "", digits)).lstrip(b"\0")
secrets = {f"the key {n}": (scalar(f"{ca}/keys/{n}.key"), "sign") for n in ("infra.1", "device.1", "acme.1", "registry")}
secrets["the key of the endpoint"] = (scalar(f"{ca}/serve.pem"), "tlsd")
secrets["the passphrase"] = (open(passfile, "rb").read().strip(), None)
for n in ("infra.1", "registry"):
    for i, l in enumerate(l for l in open(f"{ca}/keys/{n}.key", "rb").read().split(b"\n") if l and not l.startswith(b"-")):
        secrets[f"line {i + 1} of {n}.key"] = (l, None)
status = json.loads(subprocess.run([zt, "status", "ca", "--json", "-c", conf], check=True, capture_output=True).stdout)
pids = {"supervisor": int(sup)} | {c["name"]: c["pid"] for c in status["children"]}
images = {name: tlsraw.image(pid) for name, pid in pids.items()}
faults = []
for what, (secret, owner) in secrets.items():
    for name, img in images.items():
        places = tlsraw.where(img, secret)
        if places and name != owner: faults.append(f"{what} is in the memory of {name}: {places[0]}")
        if not places and name == owner: faults.append(f"{what} is not in the memory of {name}: this proves nothing")
if not tlsraw.where(images["supervisor"], f"{ca}".encode()): faults.append("the search finds nothing")
texts = {"the log": open(log, "rb").read()}
for name, pid in pids.items():
    for f in ("cmdline", "environ"): texts[f"{f} of {name}"] = open(f"/proc/{pid}/{f}", "rb").read()
for where, text in texts.items():
    for what, (s, _) in secrets.items():
        if s in text or s.hex().encode() in text.lower(): faults.append(f"{what} is in {where}")

sign = pids["sign"]
unix = {l.split()[6] for l in open("/proc/net/unix").read().split("\n")[1:] if l}
for fd in sorted(os.listdir(f"/proc/{sign}/fd"), key=int):
    to = os.readlink(f"/proc/{sign}/fd/{fd}")
    if m := re.fullmatch(r"socket:\[(\d+)\]", to):
        if m.group(1) not in unix: faults.append(f"descriptor {fd} of ca-sign is a socket of the network")
    elif not (to in ("/dev/null", log) or re.match(r"pipe:|anon_inode:", to) or to.startswith(f"{ca}/registry")):
        faults.append(f"descriptor {fd} of ca-sign is {to}")
st = dict(l.split(":\t", 1) for l in open(f"/proc/{sign}/status").read().split("\n") if ":\t" in l)
if sandbox != "off":
    for key, want in (("Uid", "65532\t65532\t65532\t65532"), ("CapEff", "0" * 16), ("CapBnd", "0" * 16), ("NoNewPrivs", "1"), ("Seccomp", "2")):
        if st[key].strip() != want: faults.append(f"{key} of ca-sign is {st[key]}")
for f in faults: print(f, file=sys.stderr)
sys.exit(1 if faults else 0)
PY
PYTHONPATH=$ROOT/tests/behaviour PYTHONDONTWRITEBYTECODE=1 python3 "$TMP/keys.py" "$ZT" "$CONF" "$CA" "$TMP/pass" "${PIDS[role]}" "$TMP/role.log" \
	"$([ "${ZT_LIMITS_INSECURE_NO_SANDBOX:-}" = true ] && echo off)" || fail "a secret or a descriptor is where it must not be"
stop role
same "$STATUS" 0 "exit code"
pass
