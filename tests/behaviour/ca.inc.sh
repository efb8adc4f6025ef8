# shellcheck shell=bash
# ca.inc.sh: an authority of their own for the scripts that need one. Source lib.sh first. Not a test
# itself.
need openssl certtool
STATE=$TMP/state CA=$TMP/state/ca CONF=$TMP/zt.conf
mkdir -p "$TMP/out"
cat >"$CONF" <<END
[state]
dir = $STATE
run_dir = $TMP/run
[ca]
listen = 127.0.0.1:$(free_port)
reach = ca.home.test:8443, 192.0.2.7:8443
END

# ca CODE WORD [ARG...] runs `zt ca WORD`, token CODE WORD `zt token WORD`; as expect does.
ca() { expect "$1" "$ZT" ca "$2" -c "$CONF" "${@:3}"; }
token() { expect "$1" "$ZT" token "$2" -c "$CONF" "${@:3}"; }

# picture DIR: everything in it as one text: names, kinds, modes, owners, links, contents. The locks
# are left out: they hold the number of the process that had them last.
picture() {
	[ -e "$1" ] || return 0
	(cd "$1" && find . \( -name lock -o -name registry.lock \) -prune -o -printf '%P %y %m %U:%G %l\n' | sort &&
		find . -type f ! -name lock ! -name registry.lock -print0 | sort -z | xargs -0r sha256sum)
}
# untouched CODE PART WORD [ARG...]: refused with CODE and a sentence that has PART, and the directory of
# the authority is byte for byte what it was.
untouched() {
	local before after code=$1 part=$2
	shift 2
	before=$(picture "$CA")
	expect "$code" "$@"
	after=$(picture "$CA")
	has "$ERR" "$part"
	same "$(wc -l <<<"$ERR")" 1 "the number of lines that '$*' needs to say so ($ERR)"
	[ "$after" = "$before" ] || fail "'$*' has changed: $(diff <(echo "$before") <(echo "$after"))"
}
# serial_of FILE: the serial of a certificate as zt writes it.
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr A-F a-f; }
