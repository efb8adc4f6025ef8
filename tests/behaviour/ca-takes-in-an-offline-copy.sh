#!/usr/bin/env bash
# core
# The same authority on two machines, one of them offline: what was issued and revoked there is known here
# after `zt ca adopt`, once; another authority's registry, a damaged one and what is none are refused, and
# after a restore `zt ca epoch` counts on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
ca 0 init
ca 0 issue device early
cp -a "$STATE" "$TMP/laptop"
sed "s|^dir = .*|dir = $TMP/laptop|; s|^run_dir = .*|run_dir = $TMP/run2|" "$CONF" >"$TMP/laptop.conf"
away() { expect "$1" "$ZT" ca "$2" -c "$TMP/laptop.conf" "${@:3}"; }
ca 0 issue device home
away 0 issue device abroad
away 0 issue device lost
away 0 revoke lost --reason keyCompromise
away 0 revoke early
away 0 renew abroad

ca 0 adopt "$TMP/laptop/ca"
has "$OUT" "taken in: "
ca 0 list --all
for n in home abroad lost early; do has "$OUT" "$n "; done
same "$(grep -c ' revoked ' <<<"$OUT")" 2 "how many are revoked here now"
same "$(grep -c ' superseded ' <<<"$OUT")" 1 "how many are replaced here now"
ca 0 crl device --pem --out device.crl
openssl verify -crl_check -CAfile "$CA/device.pem" -CRLfile device.crl abroad.pem home.pem >/dev/null || fail "good ones are refused"
openssl verify -crl_check -CAfile "$CA/device.pem" -CRLfile device.crl lost.pem >/dev/null 2>&1 && fail "what was revoked there is believed"
for again in "$TMP/laptop/ca/registry" "$TMP/laptop/ca/registry/registry"; do
	ca 0 adopt "$again"
	has "$OUT" "taken in: 0 "
done

cp "$TMP/laptop/ca/registry/registry" "$TMP/damaged"
python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(300); b = f.read(1); f.seek(300); f.write(bytes([b[0] ^ 4]))' "$TMP/damaged"
untouched 6 "offset" "$ZT" ca adopt "$TMP/damaged" -c "$CONF"
untouched 6 "" "$ZT" ca adopt "$CONF" -c "$CONF"
untouched 1 "there is no registry in $TMP/out" "$ZT" ca adopt "$TMP/out" -c "$CONF"
untouched 1 "cannot open" "$ZT" ca adopt "$TMP/nowhere" -c "$CONF"
sed "s|^dir = .*|dir = $TMP/stranger|" "$TMP/laptop.conf" >"$TMP/stranger.conf"
expect 0 "$ZT" ca init -c "$TMP/stranger.conf"
untouched 4 "" "$ZT" ca adopt "$TMP/stranger/ca" -c "$CONF"

ca 0 epoch
same "$OUT" "epoch 2" "the epoch"
ca 0 epoch
same "$OUT" "epoch 3" "the next"
pass
