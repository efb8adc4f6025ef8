#!/usr/bin/env bash
# core
# security
# A connector with a good certificate that says what no connector says: each of some seventy sequences ends that one
# connection, with a word where there is somebody to say it to, and nothing else: the download through another
# connector goes on, visitors are answered, no process of the edge ends.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/judged.inc.sh"
edge_line '[tunnel]' 'ping_after = 500ms' 'dead_after = 3s'
judged_start hostile honest

played <<'PY' || fail "$(tail -5 "$TMP/played.log")"
A, B = S["hostile"], S["honest"]
good = link("honest")
good.list(REG.list(7, {A: GOOD, B: GOOD}))
good.serve(1, b"app.test")
assert let_in(good, "honest")
stream, long, watcher = asked(good, "app.test", "/long")
good.send(frame(DATA, stream, b"HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n"))
sent = 0

u16, u32, u64 = (lambda v: struct.pack("<H", v)), (lambda v: struct.pack("<I", v)), (lambda v: struct.pack("<Q", v))
NOTHING = b""
PEER = bytes([4, 192, 0, 2, 1]) + u16(4711)
OPENING = struct.pack("<BBHII", 1, 0, 0, 1, 0) + bytes(16) + PEER + bytes([0, 1]) + b"x" + bytes([1]) + b"r"
RESETTING, LEAVING = struct.pack("<HQ", 1, 0), struct.pack("<HII", 1, 0, 0)
RULES_NOW = ctrl(RULES, rules(1, rule(b"other.test")))
first = {  # instead of a hello
    "a ping": frame(PING, 0, u64(1)), "an open": frame(OPEN, 1, OPENING), "data": frame(DATA, 1, b"x"),
    "a goaway": frame(GOAWAY, 0, LEAVING), "rules": RULES_NOW, "an unknown frame": frame(77, 0, b""),
    "version 0": frame(HELLO, 0, hello(lo=0)), "versions the wrong way round": frame(HELLO, 0, hello(lo=2, hi=1)),
    "the role of an edge": frame(HELLO, 0, hello(role=1)), "no role": frame(HELLO, 0, hello(role=0)),
    "a connection beyond the count": frame(HELLO, 0, hello(index=1)), "no connections": frame(HELLO, 0, hello(count=0)),
    "a byte that is not zero": frame(HELLO, 0, hello(zero=1)), "half a hello": frame(HELLO, 0, hello()[:30]),
    "control characters": frame(HELLO, 0, hello(software=b"a\nb")), "a name of 32 bytes": frame(HELLO, 0, hello(software=b"a" * 32)),
    "a hello on a stream": frame(HELLO, 2, hello()), "a hello of 600 bytes": frame(HELLO, 0, hello() + bytes(600)),
    "HTTP": b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
}
later = {  # behind a good hello
    "a second hello": frame(HELLO, 0, hello()), "type 0": frame(0), "a frame that must be known": frame(77, 0, b"", MUST),
    "a length of 16377": head(DATA, 2, 16377) + bytes(16000), "a frame beyond its record": head(PING, 0, 8) + bytes(4),
    "half a head": b"\7\0\0", "a flag on a ping": frame(PING, 0, u64(1), FIN), "a ping on a stream": frame(PING, 2, u64(1)),
    "a ping of 7 bytes": frame(PING, 0, bytes(7)), "a pong unasked": frame(PONG, 0, u64(12345)), "data on no stream": frame(DATA, 0, b"x"),
    "an open of ours": frame(OPEN, 1, OPENING), "an open of theirs": frame(OPEN, 2, OPENING), "an open on no stream": frame(OPEN, 0, OPENING),
    "half an open": frame(OPEN, 1, OPENING[:20]), "data of a stream that is not": frame(DATA, 1, b"x"),
    "data of a stream to come": frame(DATA, 2, b"x"), "an end of a stream that is not": frame(DATA, 4, b"", FIN),
    "credit for a stream that never was": frame(CREDIT, 6, u64(1 << 20)), "credit that falls": frame(CREDIT, 0, u64(0)),
    "credit of 4 bytes": frame(CREDIT, 0, u32(1)), "a reset of no stream": frame(RESET, 8, RESETTING), "half a reset": frame(RESET, 2, bytes(5)),
    "a reset on the connection": frame(RESET, 0, RESETTING), "a datagram": frame(DGRAM, 2, b"\0\0x"), "half a goaway": frame(GOAWAY, 0, bytes(3)),
    "a goaway on a stream": frame(GOAWAY, 2, LEAVING), "control without a kind": frame(CTRL, 0, b"", FIN),
    "control of kind 0": frame(CTRL, 0, u16(0) + b"x", FIN), "one message in another": frame(CTRL, 0, u16(1) + b"x") + frame(CTRL, 0, u16(2) + b"x", FIN),
    "a message on a stream": frame(CTRL, 2, u16(1) + b"x", FIN), "rules of nothing": ctrl(RULES, b""), "rules of junk": ctrl(RULES, os.urandom(3000)),
    "rules of another version": ctrl(RULES, b"ztrules2" + rules(1)[8:]), "rules without an epoch": ctrl(RULES, rules(0)),
    "rules that are cut": ctrl(RULES, rules(1, rule(b"other.test"))[:-3]), "rules and more": ctrl(RULES, rules(1) + b"x"),
    "257 rules": ctrl(RULES, rules(1, *[rule(b"other.test")] * 256)), "a rule of another kind": ctrl(RULES, rules(1, rule(kind=9))),
    "no catch-all": ctrl(RULES, rules(1, last=rule(b"other.test"))), "a catch-all that is not last": ctrl(RULES, rules(1, rule())),
    "a name with a line end": ctrl(RULES, rules(1, rule(b"other.test\r\nx"))), "a capital name": ctrl(RULES, rules(1, rule(b"OTHER.test"))),
    "a field with a line end": ctrl(RULES, rules(1, rule(b"other.test", set=b"\1X" + u16(5) + b"a\r\nb:"))),
    "a field that frames": ctrl(RULES, rules(1, rule(b"other.test", set=b"\x0eContent-Length" + u16(1) + b"7"))),
    "a prefix without a slash": ctrl(RULES, rules(1, rule(b"other.test", prefix=b"x"))), "a pattern that never ends": ctrl(RULES, rules(1, rule(b"other.test", path=b"(a" * 200))),
    "a pattern of everything": ctrl(RULES, rules(1, rule(b"other.test", path=b"(((a{1000}){1000}){1000})"))),
    "other rules, same epoch": RULES_NOW + ctrl(RULES, rules(1)), "rules again and again": b"".join(ctrl(RULES, rules(n, rule(b"other.test"))) for n in range(1, 40)),
    "health of nothing": ctrl(HEALTH, b"\1\0"), "health of too many": RULES_NOW + ctrl(HEALTH, u32(1) + bytes(3)),
    "lists of junk": b"".join(ctrl(STATUS, os.urandom(200)) for _ in range(3)),
    "a list, and one byte more, thrice": ctrl(STATUS, REG.list(8, {A: GOOD, B: GOOD}) + b"x") * 3,
    "pings and pings": frame(PING, 0, u64(1)) * 6000, "frames of no use": frame(77) * 6000, "data of nothing": frame(DATA, 2, b""),
    "a message in crumbs": frame(CTRL, 0, u16(1) + b"x") * 6000, "a message without an end": (frame(CTRL, 0, u16(2) + bytes(16374)) * 540),
}
silent = {"no answer to a ping": frame(HELLO, 0, hello()), "nothing at all": NOTHING}
# On a stream that the edge opened for a visitor, who must see that it failed.
live = {
    "more data than its credit": lambda s: b"".join(frame(DATA, s, b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + bytes(16000)) for _ in range(1500)),
    "data behind the end": lambda s: frame(DATA, s, b"HTTP/1.1 200 OK\r\n", FIN) + frame(DATA, s, b"x"),
    "two ends": lambda s: frame(DATA, s, b"", FIN) * 2, "credit taken back": lambda s: frame(CREDIT, s, u64(1)),
    "an open of it": lambda s: frame(OPEN, s, OPENING), "half a reset of it": lambda s: frame(RESET, s, bytes(3)),
    "credit behind everything": lambda s: frame(CREDIT, s, u64(2**64 - 1)) + frame(CREDIT, s, u64(5)),
    "a text with control characters": lambda s: frame(RESET, s, RESETTING + b"a\x1b[31m"),
}
done = 0
def passed(what, l):
    global done, sent
    said = l.to_the_end()
    assert said is None or said[0] in (PROTOCOL, VERSION, SILENT, BUSY), (what, said)
    l.close()
    done += 1
    good.send(frame(DATA, stream, bytes(100)))  # the download is alive
    sent += 100
    if done % 10 == 0:
        assert carries(good), what
    assert not good.ended, what

quiet = [(what, link("hostile", says_hello=False, answers=False)) for what in silent]
for (what, l), bytes_ in zip(quiet, silent.values()):
    l.send(bytes_)
for what, bytes_ in first.items():
    l = link("hostile", says_hello=False)
    l.send(bytes_)
    passed(what, l)
for what, bytes_ in later.items():
    l = link("hostile")
    l.send(bytes_)
    passed(what, l)
for what, make in live.items():
    l = link("hostile")
    l.serve(1, b"other.test")
    assert let_in(l, "hostile")
    s, got, t = asked(l, "other.test")
    l.send(make(s))
    passed(what, l)
    t.join(30)
    assert got and (got[0][0] in (502, 503) or got[0][1] != 0), (what, got)
for what, l in quiet:
    passed(what, l)
l = link("hostile")                             # cut in the middle of a record, and garbage in place of one
l.sock.settimeout(30)
raw = socket.socket(fileno=os.dup(l.sock.fileno()))
raw.sendall(b"\x17\x03\x03\x00\x40" + os.urandom(64))
passed("a record that is not authentic", l)
raw.close()
good.send(frame(DATA, stream, bytes(16000 - sent)))
watcher.join(30)
assert long == [(200, 0)], f"the download did not end well: {long}"
print(done, "sequences")
PY
edge_is_alive
pass
