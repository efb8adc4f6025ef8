#!/usr/bin/env python3
"""chains_compare.py JUDGE DIR TABLE [--write]: zt's verdicts on the chains in DIR beside those of
openssl verify and certtool --verify.

Fails when zt accepts what both others refuse, when it refuses a chain named good-*, and when a
chain that is no mutant is judged differently by zt and another without a row in TABLE (a page
with rows "| chain | zt | openssl | gnutls | why |"), or a row is there for what does not happen.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SERVER, CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
judge, folder, table = sys.argv[1:4]


def ok(cmd):
    return subprocess.run(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def others(case):
    p = os.path.join(folder, case)
    with open(p + "/case") as f:
        use, name = f.read().split()
    with open(p + "/chain.pem") as f:
        blocks = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", f.read(), re.S)
    for file, part in (("leaf.pem", blocks[:1]), ("rest.pem", blocks[1:])):
        with open(os.path.join(p, file), "w") as f:
            f.write("".join(part))
    cmd = ["openssl", "verify", "-CAfile", p + "/anchors.pem", "-no-CApath", "-no-CAstore", "-auth_level", "2",
           "-purpose", "sslserver" if use == "server" else "sslclient"]
    if blocks[1:]:
        cmd += ["-untrusted", p + "/rest.pem"]
    if name != "-":
        cmd += ["-verify_ip" if re.match(r"^[0-9.]+$|.*:", name) else "-verify_hostname", name]
    gnutls = ["certtool", "--verify", "--load-ca-certificate", p + "/anchors.pem", "--infile", p + "/chain.pem",
              "--verify-purpose", SERVER if use == "server" else CLIENT]
    if name != "-":
        gnutls += ["--verify-hostname", name]
    return ok(cmd + [p + "/leaf.pem"]), ok(gnutls)


def zt(cases):
    said = []
    for at in range(0, len(cases), 500):
        part = [os.path.join(folder, c) for c in cases[at:at + 500]]
        said += subprocess.run([judge] + part, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    assert len(said) == len(cases), "the judge stopped early"
    return said


def rows():
    out = {}
    with open(table) as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) == 5 and re.fullmatch(r"[a-z0-9-]+", cells[0]) and cells[1] in ("yes", "no"):
                out[cells[0]] = tuple(cells[1:4])
    return out


def main():
    cases = sorted(c for c in os.listdir(folder) if re.match(r"\d{4,}-", c))
    with ThreadPoolExecutor(2) as pool:
        judged = list(pool.map(others, cases))
    said = zt(cases)
    known, seen, faults = rows(), set(), []
    tally = {}
    for case, (openssl, gnutls), words in zip(cases, judged, said):
        name = re.sub(r"^\d+-", "", case)
        mine = words == "yes"
        key = tuple("yes" if v else "no" for v in (mine, openssl, gnutls))
        tally[key] = tally.get(key, 0) + 1
        if mine and not openssl and not gnutls:
            faults.append("%s: zt accepts, both others refuse" % case)
        if name.startswith("good-") and not mine:
            faults.append("%s: zt refuses a good chain: %s" % (case, words))
        if name.startswith("mutant-"):
            if mine != openssl and mine != gnutls or "--write" in sys.argv and mine and key != ("yes",) * 3:
                print("%s: zt %s, openssl %s, gnutls %s" % (case, words, key[1], key[2]))
        elif mine != openssl or mine != gnutls:
            seen.add(name)
            if "--write" in sys.argv:
                print("| %s | %s | %s | %s | %s |" % ((name,) + key + (words,)))
            elif known.get(name) != key:
                faults.append("%s: zt %s, openssl %s, gnutls %s: not so in %s" % ((case, words) + key[1:] + (table,)))
    if "--write" not in sys.argv:
        faults += ["%s is in %s, but all agree" % (n, table) for n in known if n not in seen]
    for key, n in sorted(tally.items()):
        print("%5d chains: zt %s, openssl %s, gnutls %s" % ((n,) + key))
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
