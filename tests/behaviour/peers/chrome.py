"""chrome: drives a headless Chromium over its debugging pipe (descriptors 3 and 4, JSON ended by NUL), so
that a test needs no port, no time-out and no package for it. Not a test.

    chrome.py [--shot FILE] [--arg OPTION]... URL...
    chrome.py --judge LINE

Opens each URL in the same browser, one after another, and waits until the page says that it is done
by the first word of its title, "done". One line of JSON for each: {url, error, title, tls, protocol,
connections}: error is Chromium's net:: name when the page did not come, tls what it says about the
connection that brought it. --judge says of such a line "ok", or what is wrong."""
import base64, json, os, select, subprocess, sys, tempfile, time

GUARD_S = 300    # hang guard of one answer: a browser that starts beside compilers needs a minute


class Chrome:
    def __init__(self, args):
        to_it, self.out = os.pipe()
        self.inn, from_it = os.pipe()

        def plumb():             # the numbers may be 3 or 4 already: out of the way first
            a, b = os.dup(to_it), os.dup(from_it)
            hi, ho = os.dup2(a, 100), os.dup2(b, 101)
            os.dup2(hi, 3), os.dup2(ho, 4)
            for fd in (100, 101):
                os.close(fd)

        self.home = tempfile.mkdtemp(dir=os.environ["TMP"])
        self.proc = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage", "--no-pings",
             "--disable-features=OptimizationHints,MediaRouter,Translate", "--user-data-dir=" + self.home,
             "--remote-debugging-pipe"] + args,
            preexec_fn=plumb, close_fds=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        os.close(to_it)
        os.close(from_it)
        self.buf, self.n, self.events = b"", 0, []

    def _message(self, end):
        while b"\0" not in self.buf:
            if not select.select([self.inn], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self.inn, 1 << 20)
            if not data:
                raise EOFError("Chromium has ended")
            self.buf += data
        one, self.buf = self.buf.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, session=None, **params):
        self.n += 1
        m = {"id": self.n, "method": method, "params": params}
        if session:
            m["sessionId"] = session
        os.write(self.out, json.dumps(m).encode() + b"\0")
        end = time.monotonic() + GUARD_S
        while True:
            got = self._message(end)
            if got.get("id") == self.n:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            if "method" in got:
                self.events.append(got)

    def close(self):
        try:
            self.ask("Browser.close")
        except (EOFError, OSError):
            pass
        self.proc.wait(GUARD_S)


def visit(c, url, shot):
    target = c.ask("Target.createTarget", url="about:blank")["targetId"]
    s = c.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    c.ask("Network.enable", s)
    c.ask("Page.enable", s)
    c.events.clear()
    error = c.ask("Page.navigate", s, url=url).get("errorText", "")
    title, end = "", time.monotonic() + GUARD_S
    while not error and not title.startswith("done"):
        if time.monotonic() > end:
            error = "the page was never done"
        title = c.ask("Runtime.evaluate", s, expression="document.title")["result"].get("value", "")
        time.sleep(0.02)
    if shot and not error:
        with open(shot, "wb") as f:
            f.write(base64.b64decode(c.ask("Page.captureScreenshot", s)["data"]))
    seen = [e["params"]["response"] for e in c.events if e["method"] == "Network.responseReceived"]
    page = next((r for r in seen if r["url"] == url), {})
    d = page.get("securityDetails", {})
    c.ask("Target.closeTarget", targetId=target)
    return {"url": url, "error": error, "title": title, "protocol": page.get("protocol", ""),
            "tls": " ".join(d.get(k, "") for k in ("protocol", "keyExchangeGroup", "cipher")).strip(),
            "responses": sum(r["status"] == 200 for r in seen),
            "connections": len({r["connectionId"] for r in seen if r.get("connectionId")})}


def judge(v):
    """What became of a visit to origin.py's page, in a few words."""
    if not v:
        return "no answer"
    if v["error"]:
        return v["error"].removeprefix("net::ERR_")
    if v["title"] != "done: 60 assets, 1 MB both ways unchanged":
        return v["title"]
    if v["responses"] < 62:      # the page, its assets, the megabyte
        return f"{v['responses']} responses"
    return "ok" if v["tls"].startswith("TLS 1.2 X25519 AES_128_GCM") else v["tls"]


def main(argv):
    if argv[0] == "--judge":
        return print(judge(json.loads(argv[1])))
    args, urls, shot = [], [], ""
    it = iter(argv)
    for a in it:
        if a == "--arg":
            args.append(next(it))
        elif a == "--shot":
            shot = next(it)
        else:
            urls.append(a)
    c = Chrome(args)
    try:
        for u in urls:
            print(json.dumps(visit(c, u, shot)), flush=True)
    finally:
        c.close()


if __name__ == "__main__":
    main(sys.argv[1:])
