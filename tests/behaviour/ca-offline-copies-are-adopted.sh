#!/usr/bin/env bash
# core
# What an offline copy of the authority has issued is taken in, however the copy is named; what is no copy is
# refused. Before there is an authority, who starts or checks one is told what makes it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
cd "$TMP/out" || fail "no $TMP/out"
printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >>"$CONF"
expect 0 "$ZT" check -c "$CONF"
has "$ERR" "warning: [ca]: there is no $CA/serve.pem: 'zt ca init' makes an authority"
expect 1 "$ZT" ca -c "$CONF"
has "$ERR" "'zt ca init' makes an authority"
ca 0 init
expect 0 "$ZT" check -c "$CONF"
same "$ERR" "" "what check says of a good authority"
chmod 644 "$CA/keys/device.1.key"
expect 3 "$ZT" check -c "$CONF"
has "$ERR" keys/device.1.key
chmod 600 "$CA/keys/device.1.key"

mkdir laptop other
cp -a "$CA" laptop/ca
rm "$CA/keys/device.1.key"
sed "s|^dir = .*|dir = $TMP/out/laptop|; s|^run_dir = .*|run_dir = $TMP/run2|" "$CONF" >laptop.conf
sed "s|^dir = .*|dir = $TMP/out/other|; s|^run_dir = .*|run_dir = $TMP/run3|" "$CONF" >other.conf
expect 0 "$ZT" ca init -c other.conf
n=0
for copy in laptop/ca laptop/ca/registry laptop/ca/registry/registry; do
	n=$((n + 1))
	ca 8 issue device "here$n"
	expect 0 "$ZT" ca issue device "tablet$n" -c laptop.conf
	ca 0 adopt "$copy"
	has "$OUT" "taken in: 1"
	ca 0 adopt "$copy"
	has "$OUT" "taken in: 0"
	ca 0 show "tablet$n"
	has "$OUT" "state          good"
done
untouched 1 "there is no registry in it" "$ZT" ca adopt laptop -c "$CONF"
untouched 1 "cannot open nowhere" "$ZT" ca adopt nowhere -c "$CONF"
untouched 2 "its registry is no file" "$ZT" ca adopt /dev/null -c "$CONF"
untouched 6 "does not begin as a journal" "$ZT" ca adopt laptop.conf -c "$CONF"
untouched 4 "is another authority's registry" "$ZT" ca adopt other/ca -c "$CONF"
