#!/usr/bin/env bash
# Certificate chains, good and bad, and mutants of good ones: zt never accepts what OpenSSL and
# GnuTLS both refuse, accepts every good one, and each other difference is explained in
# docs/certificates.md. CHAIN_MUTANTS and CHAIN_SEED turn up the number in a soak.
. "$(dirname "$0")/lib.sh"
need openssl certtool python3

judge=$ROOT/build/rel/tests/tools/chain_judge
[ -x "$judge" ] || fail "$judge is not built: make tools"
mkdir "$TMP/chains"
n=$(python3 "$ROOT/tests/tools/chains.py" "$TMP/chains" mutants "${CHAIN_MUTANTS:-400}" "${CHAIN_SEED:-1}") ||
	fail "the chains could not be made"
[ "$n" -ge $((80 + ${CHAIN_MUTANTS:-400})) ] || fail "only $n chains"
python3 "$ROOT/tests/tools/chains_compare.py" "$judge" "$TMP/chains" "$ROOT/docs/certificates.md" >"$TMP/out" ||
	{ tail -40 "$TMP/out"; fail "see above"; }
# A comparison that compares nothing would pass too: all three said both yes and no.
grep -q 'zt yes, openssl yes, gnutls yes' "$TMP/out" && grep -q 'zt no, openssl no, gnutls no' "$TMP/out" ||
	fail "no verdicts"
pass "$(tail -8 "$TMP/out")"
