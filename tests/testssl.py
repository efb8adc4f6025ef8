"""testssl: holds what testssl.sh found beside docs/testssl.md.

    testssl.py --check|--page PAGE DIR

DIR has ecdsa.json, rsa.json and .txt of each. A row of the page's table of answers is "| id | severity |
finding | answer |"."""
import json, re, sys

GRAVE = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")
mode, page, where = sys.argv[1:4]
text = open(page, encoding="utf-8").read()
answers = {m[1]: m[2] for m in re.finditer(r"^\| `([^`]+)` \|[^|]*\|[^|]*\| (.+) \|$", text, re.M)}
found, counts = {}, {}
for key in ("ecdsa", "rsa"):
    findings = json.load(open(f"{where}/{key}.json"))
    if len(findings) < 50:
        sys.exit(f"{key}: {len(findings)} findings; it cannot have asked everything")
    seen = {f["id"] for f in findings}
    missing = {"TLS1_2", "heartbleed", "ROBOT", "secure_renego", "cert_chain_of_trust", "LUCKY13"} - seen
    if missing:
        sys.exit(f"{key}: nothing was found out about {', '.join(sorted(missing))}")
    for f in findings:
        counts.setdefault(key, {}).setdefault(f["severity"], []).append(f["id"])
        if f["severity"] in GRAVE:
            found.setdefault(f["id"], (f["severity"], f["finding"].replace("|", "/")))

if mode == "--page":
    # Up to the first table the page is written by hand, and so are the answers.
    print(text.split("| id |")[0], end="")
    print("| id | severity | what it says | answer |\n|---|---|---|---|")
    for id, (severity, finding) in sorted(found.items()):
        print(f"| `{id}` | {severity} | {finding} | {answers.get(id, 'NO ANSWER')} |")
    order = ("OK", "INFO") + GRAVE
    print("\n## How much there was\n\n| certificate | " + " | ".join(order) + " |\n|---|" + "---|" * len(order))
    for key in counts:
        print(f"| {key.upper()} | " + " | ".join(str(len(counts[key].get(s, []))) for s in order) + " |")
    for key in counts:
        report = open(f"{where}/{key}.txt", encoding="utf-8").read()
        report = re.sub(r"\x1b\[[0-9;]*[mK]", "", report)
        report = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:443", report)
        # How it was called, and addresses of services it would have one ask, are of no interest.
        report = "\n".join(line.rstrip() for line in report.splitlines()
                           if not line.startswith("## ") and "https://" not in line)
        report = re.sub(r"\n{3,}", "\n\n", report).strip()
        print(f"\n## The report, {key.upper()} certificate\n\n```\n{report}\n```")
    sys.exit(0)
new = {i: v for i, v in found.items() if i not in answers or answers[i] == "NO ANSWER"}
for id, (severity, finding) in sorted(new.items()):
    print(f"{severity}: {id}: {finding}", file=sys.stderr)
for id in sorted(set(answers) - set(found)):
    print(f"answered, but not found this time: {id}")
print(f"testssl.sh: {sum(len(v) for c in counts.values() for v in c.values())} findings, "
      f"{len(found)} graver than INFO, {len(new)} of them without an answer")
sys.exit(bool(new))
