#!/bin/bash
# security
# Private keys, passphrases and master secrets are in the memory of the key process and nowhere
# else; record keys are in the worker's, while their connection is open. All the memory of every
# process of a running relay is searched, freed memory and stacks included.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
need_root # to read the memory of what may not be read
ca home
ca people
cert ec home serverAuth "DNS:ec.test"
cert next home serverAuth "DNS:ec.test"
cert once home serverAuth "DNS:once.test"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "DNS:rsa.test, DNS:people.test"
KEY_OPT=ec_paramgen_curve:P-384 cert locked home serverAuth "DNS:locked.test"
cert origin home serverAuth "DNS:origin.test"
cert alice people clientAuth
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert us people clientAuth
(umask 077 && openssl rand -hex 24 >"$PKI/pass")
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 20000 -in "$PKI/locked.key" -passout "file:$PKI/pass" -out "$PKI/sealed.key" ||
	fail "cannot encrypt a key"
chmod 600 "$PKI/sealed.key"
cp "$PKI/locked.pem" "$PKI/sealed.pem"
install -m 600 "$PKI/ec.key" "$PKI/now.key"
cp "$PKI/ec.pem" "$PKI/now.pem"

cat >"$TMP/keys.py" <<'PY'
import base64, glob, json, os, re, socket, ssl, struct, subprocess, sys, threading, time, tlspeer, tlsraw
zt, conf, pki, port, origin, sup, log = sys.argv[1:8]
sup = int(sup)
AES = {"aes", "pclmulqdq"} <= set(re.search(r"flags\s*:(.*)", open("/proc/cpuinfo").read() + "\nflags:\n").group(1).split())

# ---- what must not be found: text that is in the key files, and numbers that are in the keys
def numbers(der):
    """Of the outermost SEQUENCE: its INTEGERs and OCTET STRINGs."""
    def head(at):
        n = der[at + 1]
        if n < 128:
            return at + 2, n
        return at + 2 + (n & 127), int.from_bytes(der[at + 2:at + 2 + (n & 127)], "big")
    at, _ = head(0)
    while at < len(der):
        body, n = head(at)
        if der[at] in (2, 4):
            yield der[body:body + n].lstrip(b"\0")
        at = body + n
def secrets_of(name):
    key = f"{pki}/{name}.key"
    der = subprocess.run(["openssl", "pkey", "-in", key, "-passin", f"file:{pki}/pass", "-traditional", "-outform", "DER"],
                         check=True, capture_output=True).stdout
    ints = [n for n in numbers(der) if len(n) > 8]
    names = ["n", "d", "p", "q", "dp", "dq", "qinv"] if len(ints) > 1 else ["scalar"]
    out = {f"{name} {what}": n for what, n in zip(names, ints) if what != "n"}  # n is public
    for i, line in enumerate(l for l in open(key).read().split("\n") if l and not l.startswith("-")):
        out[f"{name} line {i + 1} of the file"] = line.encode()
    return out
secrets = {"passphrase": open(f"{pki}/pass").read().strip().encode()}
for name in ("now", "once", "rsa", "sealed", "us"):
    secrets |= secrets_of(name)
coming = secrets_of("next")

def status():
    return json.loads(subprocess.run([zt, "status", "relay", "--json", "-c", conf], check=True, capture_output=True).stdout)
def processes():
    out = {"supervisor": sup}
    for k in status()["children"]:
        out[k["name"]] = k["pid"]
    return out
def look(names=None):
    return {name: tlsraw.image(pid) for name, pid in processes().items() if names is None or name in names}
faults = []
def must_not(images, what, secret, but=()):
    for name, img in images.items():
        places = tlsraw.where(img, secret) if name not in but else []
        if places:
            faults.append(f"{what} is in the memory of {name}: {places[0]}" + (f" and {len(places) - 1} more" if places[1:] else ""))
def must(images, what, secret, name):
    if not tlsraw.where(images[name], secret):
        faults.append(f"{what} is not found in the memory of {name}: this proves nothing")
def no_faults(when):
    for f in faults: print(f"{when}: {f}", file=sys.stderr)
    if faults: sys.exit(1)

# ---- a far side that demands our certificate, and sends back what it gets
octx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
octx.maximum_version = ssl.TLSVersion.TLSv1_2
octx.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
octx.load_cert_chain(f"{pki}/origin.pem", f"{pki}/origin.key")
octx.load_verify_locations(f"{pki}/people.pem")
octx.verify_mode = ssl.CERT_REQUIRED
octx.options |= ssl.OP_NO_TICKET
octx.keylog_filename = far_log = f"{os.path.dirname(conf)}/far.keylog"
far = []
def echo(sock):
    try:
        p = tlsraw.Wire(sock, octx, server=True)
        far.append(p)
        while data := p.recv(): p.send(data)
        p.finish()
    except Exception as e:
        print(f"origin: {e!r}", file=sys.stderr)
    sock.close()
def serve(ls):
    while True: threading.Thread(target=echo, args=(ls.accept()[0],), daemon=True).start()
ls = tlspeer.listen(origin); ls.settimeout(None)
threading.Thread(target=serve, args=(ls,), daemon=True).start()

# ---- clients
near_log = f"{os.path.dirname(conf)}/near.keylog"
def client(suite, cert=None):
    ctx = tlspeer.context(f"{pki}/home.pem", *([f"{pki}/{cert}.pem", f"{pki}/{cert}.key"] if cert else []))
    ctx.set_ciphers(suite)
    ctx.options |= ssl.OP_NO_TICKET
    ctx.keylog_filename = near_log
    return ctx
def talk(ctx, name, session=None):
    p = tlsraw.Wire(socket.create_connection(("127.0.0.1", int(port)), timeout=60), ctx, name, session)
    p.name = name
    ping(p)
    return p
def ping(p):
    p.send(b"ping"); got = p.recv_exactly(4)
    assert got == b"ping", f"{got} {p.end()}"
aes, chacha = client("ECDHE+AESGCM"), client("ECDHE+CHACHA20")
alice = client("ECDHE+CHACHA20", "alice")
def idle():
    while status_of("worker", "relay_conns"): time.sleep(0.02)
def status_of(name, counter):
    return [k for k in status()["children"] if k["name"] == name][-1]["counters"][counter]

# Before anybody came.
images = look()
for what, s in secrets.items():
    must_not(images, what, s, ("tlsd",))
for what in ("now scalar", "once scalar", "sealed scalar", "rsa p", "rsa q", "us p"):
    must(images, what, secrets[what], "tlsd")
must(images, "the path of a key", f"{pki}/sealed.key".encode(), "supervisor")  # which has read it
for what, s in secrets.items():
    if "line" in what or what == "passphrase":
        must_not(images, f"the text of {what}, after it was read,", s)
no_faults("at the start")

over, live, resumable = [], [], []
for name in ("ec.test", "rsa.test", "locked.test", "once.test"):
    for ctx in (aes, chacha):
        first = talk(ctx, name)
        for i in range(3):
            again = talk(ctx, name, first.tls.session)
            assert again.tls.session_reused == (name != "once.test"), f"{name}: resumed is {again.tls.session_reused}"
            again.finish(); over.append(again)
        (resumable if name != "once.test" else over).append(first)
        first.finish()
        live.append(talk(ctx, name))
for i in range(6):
    p = talk(alice, "people.test")
    if i < 4: p.finish(); over.append(p)
    else: live.append(p)
for i in range(6):  # refused, with keys and without
    for bad in (lambda: talk(chacha, "people.test"), lambda: talk(chacha, "unknown.test")):
        try: bad()
        except (ssl.SSLError, OSError, AssertionError): pass
        else: sys.exit("a client that must not get in was served")
for p in over + resumable:
    p.recv_all(); p.close()
while status_of("worker", "relay_conns") != len(live): time.sleep(0.02)
assert len(over) + len(resumable) + len(live) >= 40

def record_keys(p):
    k = p.keys(near_log if p in mine else far_log)
    return k.client, k.server
def must_not_keys(images, what, p, but=()):
    for key in record_keys(p): must_not(images, f"a record key of {what}", key, but)
mine = over + resumable + live
images = look()
for what, s in secrets.items():
    must_not(images, what, s, ("tlsd",))
    if "line" in what or what == "passphrase": must_not(images, f"the text of {what}", s)
for p in live:
    k = p.keys(near_log)
    if AES or k.suite in (tlsraw.ECDSA_CHACHA, tlsraw.RSA_CHACHA):
        for key in (k.client, k.server): must(images, "a record key of an open connection", key, "worker")
    must_not_keys(images, "an open connection", p, ("worker",))
open_far = [p for p in far if not p.eof]
assert len(open_far) == len(live)
for p in open_far: must_not_keys(images, "an open connection with the far side", p, ("worker",))
for p in over + resumable + [p for p in far if p.eof]: must_not_keys(images, "a closed connection", p)
for p in mine:  # a session that may be resumed is kept, in one place
    must_not(images, "a master secret", p.keys(near_log).master, ("tlsd",) if p.name not in ("once.test", "people.test") else ())
for p in far: must_not(images, "a master secret of a far side", p.keys(far_log).master, ("tlsd",))
for p in resumable: must(images, "the master secret of a session", p.keys(near_log).master, "tlsd")
no_faults("after the handshakes")

# Right behind one handshake, before another one has overwritten what it may have left.
def alone(ctx, name, session=None):
    p = talk(ctx, name, session)
    mine.append(p)
    live.append(p)
    images = look(("tlsd", "worker"))
    must_not_keys(images, "an open connection", p, ("worker",))
    must_not_keys(images, "an open connection with the far side", far[-1], ("worker",))
    must_not(images, "a master secret", p.keys(near_log).master, ("tlsd",) if name == "ec.test" else ())
    live.remove(p)
    p.finish(); p.recv_all(); p.close()
    while status_of("worker", "relay_conns") != len(live): time.sleep(0.02)
    must_not_keys(look(("tlsd", "worker")), "a connection just closed", p)
    no_faults(f"{name} {p.keys(near_log).suite:#x} {'resumed' if session else 'new'}")
    return p.tls.session
for ctx in (aes, chacha):
    alone(ctx, "ec.test", alone(ctx, "ec.test"))
    alone(ctx, "once.test")
alone(alice, "people.test")

# ---- a new certificate
old = processes()["tlsd"]
for end in ("pem", "key"): os.replace(f"{pki}/next.{end}", f"{pki}/now.{end}")
subprocess.run([zt, "reload", "relay", "-c", conf], check=True)
for _ in range(3000):
    if not os.path.exists(f"/proc/{old}"): break
    time.sleep(0.01)
else: sys.exit("the old key process lives on")
assert processes()["tlsd"] != old
images = look()
for what in [w for w in secrets if w.startswith("now ")]:
    must_not(images, f"{what}, replaced by a reload,", secrets.pop(what))
secrets |= coming
must(images, "next scalar", coming["next scalar"], "tlsd")
for p in over + resumable + live:
    must_not(images, "a master secret of the epoch before", p.keys(near_log).master)
no_faults("after a reload")
for p in live: ping(p)
fresh = talk(chacha, "ec.test"); fresh.finish(); fresh.recv_all()
mine.append(fresh)
for p in live: p.finish(); p.recv_all(); p.close()
idle()
images = look()
for p in mine + far: must_not_keys(images, "a closed connection", p)
for what, s in secrets.items(): must_not(images, what, s, ("tlsd",))
no_faults("after the end")

# ---- what is not memory: logs, arguments, environments, memory files that are held open
texts = {"the log": open(log, "rb").read()}
for name, pid in processes().items():
    for f in ("cmdline", "environ"): texts[f"{f} of {name}"] = open(f"/proc/{pid}/{f}", "rb").read()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if "memfd" in os.readlink(f"/proc/{pid}/fd/{fd}") and name != "supervisor":
            texts[f"a memory file of {name}"] = open(f"/proc/{pid}/fd/{fd}", "rb").read()
for d in glob.glob(conf.replace(".conf", ".state") + "/**", recursive=True):
    if os.path.isfile(d): texts[d] = open(d, "rb").read()
for where, text in texts.items():
    for what, s in secrets.items():
        for form in (s, s.hex().encode(), s.hex().upper().encode(), base64.b64encode(s)):
            assert form[:16] not in text, f"{what} is in {where}"
print(f"{len(over) + len(resumable) + len(live)} connections, {len(secrets)} secrets, {len(texts)} texts")
PY
origin=$(free_port)
relay_conf near "to = 127.0.0.1:$origin" 'accept = tls' 'connect = tls' 'connect_name = origin.test' \
	"connect_ca = $PKI/home.pem" "connect_cert = $PKI/us.pem" "connect_key = $PKI/us.key" \
	"$(host ec now 'names = ec.test')" "$(host rsa rsa 'names = rsa.test')" \
	"$(host locked sealed 'names = locked.test' "key_pass_file = $PKI/pass")" \
	"$(host once once 'names = once.test' 'resume = false')" \
	"$(host people rsa 'names = people.test' 'client_cert = required' "client_ca = $PKI/people.pem")"
start_relay near
peer "$TMP/keys.py" "$ZT" "${CONF[near]}" "$PKI" "${AT[near]}" "$origin" "${PIDS[near]}" "$TMP/near.log" || fail "a secret is where it must not be"
pass
