#!/usr/bin/env python3
"""source.py RULE: one lint rule over the source tree in the current directory.

Prints one line per fault, "path:line: what is wrong", and exits 1 if there was one. What is
exempt stands in tests/lint/allowed, a row each with its reason; a row that exempts nothing is
a fault too. Rules that read C see it without comments and strings.
"""

import fnmatch
import os
import re
import subprocess
import sys

LAYERS = ["base", "wire", "decide", "io", "serve"]
PURE = ("lib/wire/", "lib/decide/")
ZT_CODE = ("lib/", "roles/", "main.c")

MAX_FUNCTION, LONG_FUNCTION, MAX_FILE, MAX_PARAMETERS = 70, 40, 600, 6

# ---- the tree -----------------------------------------------------------------------------

faults = []


def fault(path, line, text):
    faults.append(f"{path}:{line}: {text}")


def tree(*suffixes):
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(f for f in folders if f not in (".git", "build", "__pycache__"))
        for name in sorted(names):
            path = os.path.join(folder, name)[2:]
            if path not in ("zt", ".git") and (not suffixes or name.endswith(suffixes)):
                yield path


def read(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "surrogateescape")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.S
)


def without_comments(text):
    return TOKEN.sub(lambda m: blank(m[0]) if m["comment"] else m[0], text)


def code_of(text):
    return TOKEN.sub(lambda m: blank(m[0]), text)


def line_at(text, at):
    return text.count("\n", 0, at) + 1


def includes(text):
    """(line, name, quoted) of every #include."""
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', without_comments(text), re.M):
        yield line_at(text, m.start()), m[2], m[1] == '"'


# ---- what is allowed ----------------------------------------------------------------------


class Allowed:
    """Rows "class what path reason"; what and path are patterns."""

    def __init__(self, classes):
        self.rows = []
        if not os.path.exists("tests/lint/allowed"):
            return
        for number, line in enumerate(read("tests/lint/allowed").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split(None, 3)
            if len(parts) < 4:
                if parts[0] in classes:
                    fault("tests/lint/allowed", number, "a row is: class what path reason")
                continue
            if parts[0] in classes:
                self.rows.append([number, *parts[:3], False])

    def has(self, kind, what, path):
        found = False
        for row in self.rows:
            if row[1] == kind and fnmatch.fnmatchcase(what, row[2]) and fnmatch.fnmatchcase(path, row[3]):
                row[4] = found = True
        return found

    def unused(self):
        for number, kind, what, path, used in self.rows:
            if not used:
                fault("tests/lint/allowed", number, f"nothing needs '{kind} {what} {path}' any more")


# ---- rules --------------------------------------------------------------------------------


def layer_of(path):
    m = re.match(r"lib/([^/]+)/", path)
    return LAYERS.index(m[1]) if m and m[1] in LAYERS else None


def role_home(path):
    """Headers of a role: its folder, or the files of its own name directly in roles/."""
    folder = os.path.dirname(path)
    return folder + "/" if folder != "roles" else os.path.splitext(path)[0] + "."


def rule_layers():
    """Includes point down: serve > io > decide > wire > base; no role includes another."""
    for path in tree(".c", ".h"):
        if not path.startswith(ZT_CODE):
            continue
        mine = layer_of(path)
        if path.startswith("lib/") and mine is None:
            fault(path, 1, f"not in one of lib/{{{','.join(LAYERS)}}}")
        for line, name, quoted in includes(read(path)):
            if not quoted:
                continue
            places = (os.path.join(os.path.dirname(path), name), "lib/" + name, name)
            target = next((os.path.normpath(p) for p in places if os.path.exists(p)), None)
            if target is None:
                fault(path, line, f"includes {name}, which is neither beside it, in lib/ nor at the top")
            elif target.startswith("roles/"):
                if path.startswith("lib/"):
                    fault(path, line, f"a library file includes {target}")
                elif target != "roles/roles.h" and not target.startswith(role_home(path)):
                    fault(path, line, f"includes {target}: a role knows no other role")
            elif mine is not None and (layer_of(target) is None or layer_of(target) > mine):
                fault(path, line, f"includes {target}: {LAYERS[mine]} may use only itself and what is below")


THIRD_PARTY = re.compile(r"^(bearssl.*|ini|argon2|qrcodegen|sqlite3)\.h$")


def rule_third_party():
    """Third-party headers only where allowed; no br_ name in a header of ours."""
    allowed = Allowed(("include", "br"))
    for path in tree(".c", ".h"):
        if not path.startswith(ZT_CODE):
            continue
        text = read(path)
        for line, name, quoted in includes(text):
            if not quoted and THIRD_PARTY.match(name) and not allowed.has("include", name, path):
                fault(path, line, f"<{name}> is not for this file")
        if path.endswith(".h"):
            code = code_of(text)
            for m in re.finditer(r"\bbr_\w+", code):
                if not allowed.has("br", m[0], path):
                    fault(path, line_at(code, m.start()), f"{m[0]}: BearSSL's names stay out of headers")
    allowed.unused()


PURE_HEADERS = "inttypes limits stdalign stdarg stdbool stddef stdint string".split()


def rule_purity():
    """wire and decide: bytes and values only; no descriptor, clock, log, environment, errno."""
    allowed = Allowed(("pure",))
    for path in tree(".c", ".h"):
        if not path.startswith(PURE):
            continue
        text = read(path)
        for line, name, quoted in includes(text):
            system = not quoted and name[:-2] not in PURE_HEADERS and not THIRD_PARTY.match(name)
            if (system or name == "base/log.h") and not allowed.has("pure", name, path):
                fault(path, line, f"includes {name}: this layer is pure")
        code = code_of(text)
        for m in re.finditer(r"\b(errno|environ|clock_(?:mono|wall|real)|random_(?:bytes|below)|FILE)\b", code):
            if not allowed.has("pure", m[0], path):
                fault(path, line_at(code, m.start()), f"{m[0]}: this layer is pure")
    allowed.unused()


# class, where, names, what to do instead
BANNED = [
    ("unsafe", "", "sprintf vsprintf strcpy stpcpy strcat strncpy strncat wcscpy strtok gets", "use span, wr or snprintf"),
    ("unsafe", "", "scanf fscanf sscanf vscanf vsscanf vfscanf atoi atol atoll atof", "use span_u64"),
    ("unsafe", "", "alloca setjmp sigsetjmp longjmp siglongjmp", "errors are values, memory is bounded"),
    ("unsafe", "", "system popen tmpnam tempnam mktemp", "no shell, no guessable names"),
    ("unsafe", "", "rand srand rand_r random srandom drand48 lrand48 mrand48", "use random_bytes or random_below"),
    ("convert", "zt", "strtol strtoul strtoll strtoull strtod strtof strtoimax strtoumax", "use span_u64"),
    ("resolver", "zt", "getaddrinfo getnameinfo gethostbyname gethostbyaddr res_query", "use the resolver of lib/io"),
    ("alloc", "zt", "malloc calloc realloc reallocarray strdup strndup asprintf vasprintf getline getdelim"
     " posix_memalign aligned_alloc memalign open_memstream", "use a pool or an arena"),
    ("clock", "zt", "time gettimeofday clock_gettime clock ftime", "ask the struct clock you were given"),
    ("entropy", "zt", "getrandom getentropy", "use random_bytes"),
    ("spawn", "zt", "fork vfork clone clone3 execv execve execvp execvpe execl execlp execle fexecve execveat"
     " posix_spawn posix_spawnp daemon", "only the supervisor starts processes"),
    ("env", "lib", "getenv secure_getenv setenv putenv unsetenv", "libraries are told, they do not look"),
    ("print", "lib", "printf fprintf vprintf vfprintf dprintf vdprintf puts fputs putchar fputc putc fwrite"
     " perror psignal err errx warn warnx syslog", "libraries do not print: log or answer why"),
    ("exit", "lib", "exit _exit _Exit quick_exit abort", "libraries do not exit: answer an error, or ZT_ASSERT"),
]
COMPARES = "memcmp bcmp strcmp strncmp strcasecmp strncasecmp"
WHERE = {"": ("",), "zt": ZT_CODE, "lib": ("lib/",)}


def calls(code, names):
    """Calls of plain functions: not of members."""
    for m in re.finditer(r"(?<![\w.>])(" + "|".join(names.split()) + r")(?=\s*\()", code):
        yield m[1], line_at(code, m.start())


def rule_banned():
    """Calls that are unsafe, or that belong to one file."""
    allowed = Allowed({row[0] for row in BANNED} | {"compare", "goto"})
    for path in tree(".c", ".h"):
        text = read(path)
        code = code_of(text)
        for kind, where, names, instead in BANNED:
            if path.startswith(WHERE[where]):
                for name, line in calls(code, names):
                    if not allowed.has(kind, name, path):
                        fault(path, line, f"{name}: {instead}")
        if any(name.endswith("ct.h") and quoted for _, name, quoted in includes(text)) and path.startswith(ZT_CODE):
            for name, line in calls(code, COMPARES):
                if not allowed.has("compare", name, path):
                    fault(path, line, f"{name} in a file that handles secrets (it includes ct.h): use ct_eq")
        for m in re.finditer(r"\bgoto\s+(\w+)", code):
            label = re.search(rf"^\s*{m[1]}\s*:", code[m.end():], re.M)
            if not re.match(r"(out|fail|err|done)", m[1]) or not label:
                if not allowed.has("goto", m[1], path):
                    fault(path, line_at(code, m.start()), f"goto {m[1]}: only forward, to out, done, fail or err")
    allowed.unused()


def parameters(signature):
    inner, depth, count = signature.strip()[1:-1].strip(), 0, 1
    if inner in ("", "void"):
        return 0
    for c in inner:
        depth += (c in "([{") - (c in ")]}")
        count += c == "," and depth == 0
    return count


def rule_length():
    """Functions of at most 70 lines and 6 parameters, files of at most 600 lines."""
    allowed = Allowed(("length",))
    paths = list(tree(".c", ".h"))
    for path in paths + list(tree(".sh", ".py")):
        n = read(path).count("\n")
        if n > MAX_FILE and not allowed.has("length", "file", path):
            fault(path, n, f"{n} lines in one file; {MAX_FILE} is the limit")
    tags = subprocess.run(
        ["ctags", "--langmap=C:.c.h", "--languages=C", "--kinds-C=f", "--fields=+neS", "--excmd=number",
         "-D", "TEST(name)=static void test_##name(void)", "-D", "FLOODS(name)=static void floods_##name(void)",
         "-o", "-", "-L", "-"],
        input="\n".join(paths), capture_output=True, text=True, check=True).stdout
    long = seen = 0
    for tag in tags.splitlines():
        name, path, _, *fields = tag.split("\t")
        field = dict(f.split(":", 1) for f in fields if ":" in f)
        if "end" not in field:
            continue
        seen += 1
        start, end = int(field["line"]), int(field["end"])
        n = end - start + 1
        long += n > LONG_FUNCTION
        if n > MAX_FUNCTION and not allowed.has("length", name, path):
            fault(path, start, f"{name} has {n} lines; {MAX_FUNCTION} is the limit")
        count = parameters(field.get("signature", "()"))
        if count > MAX_PARAMETERS and not allowed.has("length", name, path):
            fault(path, start, f"{name} has {count} parameters; {MAX_PARAMETERS} is the limit")
    if paths and not seen:
        fault("ctags", 0, "found no function at all: this rule looked at nothing")
    allowed.unused()
    print(f"note: {long} of {seen} functions are longer than {LONG_FUNCTION} lines", file=sys.stderr)


# Spelt so that this file does not match itself.
WORKPLACE = re.compile(
    r"(?<![\w.])/[w]ork/|/[f]arm/|/tmp/[w]t\b|\b[s]ubagents?\b|\b[h]elper agents?\b"
    r"|\b[p]ypi\.org|\b[r]egistry\.npmjs|\b[d]eb\.debian\.org|\b[p]roxy\.golang", re.I)


def rule_names():
    """The project speaks of itself: no paths or names of the place where it was written."""
    for path in tree():
        text = read(path)
        if "\0" in text:
            continue
        for m in WORKPLACE.finditer(text):
            fault(path, line_at(text, m.start()), f"'{m[0]}' is not of this project")


def rule_text():
    """No trailing blanks, a newline at the end, an opening comment in every C file, no CR."""
    for path in tree():
        if path.startswith(("tests/fuzz/corpus/", "tests/vectors/")) or os.path.islink(path):
            continue
        text = read(path)
        if "\0" in text or not text:
            continue
        for m in re.finditer(r"[ \t\r]+$", text, re.M):
            fault(path, line_at(text, m.start()), "trailing blanks")
        if not text.endswith("\n"):
            fault(path, text.count("\n") + 1, "no newline at the end")
        if path.endswith((".c", ".h")):
            if not re.match(r"/\*.{20,}?\*/", text, re.S):
                fault(path, 1, "does not open with a comment that says what it owns")
        if path.endswith(".h"):
            guard = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", text, re.M)
            if not guard or guard[1] != guard[2]:
                fault(path, 1, "no include guard")


PURE_CALLS = re.compile(
    r"^(mem(cpy|move|set|cmp|chr|mem)|str(len|nlen|chr|rchr|cmp|ncmp|str|spn|cspn|pbrk)|v?snprintf"
    r"|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|zt_bug|qsort|bsearch)$")
IMPURE_BASE = re.compile(r"^(log_|random_|clock_)")


def symbols(objects):
    """(path of source, kind, name, section) of every symbol of the objects below a folder."""
    for folder, _, names in os.walk(objects):
        for name in sorted(names):
            if name.endswith(".o"):
                source = os.path.relpath(os.path.join(folder, name), objects)[:-2] + ".c"
                out = subprocess.run(["objdump", "-tw", os.path.join(folder, name)],
                                     capture_output=True, text=True, check=True).stdout
                for line in out.splitlines():
                    m = re.match(r"[0-9a-f]{8,16} (.{7}) (\S+)\t[0-9a-f]+ +(?:\.hidden )?(\S+)$", line)
                    if m:
                        yield source, m[1], m[3], m[2]


def rule_globals():
    """No mutable variable outlives a call: nothing in .data or .bss."""
    allowed = Allowed(("global",))
    seen = 0
    for source, kind, name, section in symbols(sys.argv[2]):
        if not source.startswith(ZT_CODE):
            continue
        seen += 1
        mutable = re.match(r"\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)|\*COM\*", section)
        if mutable and "O" in kind and not allowed.has("global", name.split(".")[0], source):
            fault(source, 1, f"{name} is a mutable global ({section})")
    if not seen:
        fault("objdump", 0, "found no symbol at all: this rule looked at nothing")
    allowed.unused()


def rule_pure_calls():
    """wire and decide: what their objects call is pure, or ours and of a layer not above."""
    allowed = Allowed(("call",))
    rows = list(symbols(sys.argv[2]))
    ours = {}
    for source, kind, name, section in rows:
        if section != "*UND*" and kind[0] in "gu":
            ours[name] = source
    for source, _, name, section in rows:
        if section != "*UND*" or not source.startswith(PURE) or PURE_CALLS.match(name):
            continue
        home = layer_of(ours.get(name, ""))
        fine = home is not None and home <= layer_of(source) and not IMPURE_BASE.match(name)
        if not fine and not allowed.has("call", name, source):
            fault(source, 1, f"calls {name}: this layer is pure")
    allowed.unused()


def main():
    name = "rule_" + sys.argv[1].replace("-", "_")
    globals()[name]()
    for line in faults:
        print(line)
    sys.exit(bool(faults))


main()
