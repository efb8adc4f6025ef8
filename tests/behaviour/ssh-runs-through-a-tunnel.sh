#!/usr/bin/env bash
# A real ssh through a port of the edge that nobody reads: commands, exit codes, an answer to each keystroke, files both
# ways with scp; and when the connector goes the session goes, at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
need sshd ssh scp ssh-keygen
tunnel_is_up() { grep -q "a connector announced its rules" "$TMP/edge.log"; }
SSHD=$(free_port) AT=$(free_port) ME=$(id -un)
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd # it starts without it only for others
ssh-keygen -q -t ed25519 -N '' -f "$TMP/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
cat >"$TMP/sshd.conf" <<END
ListenAddress 127.0.0.1:$SSHD
HostKey $TMP/host
AuthorizedKeysFile $TMP/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
END
start sshd "$(command -v sshd)" -D -e -f "$TMP/sshd.conf"
wait_for listening "$SSHD"
ingress shell 'hostname = ssh.test' "service = ssh://127.0.0.1:$SSHD"
ingress last 'service = http_status:404'
host_section web public web.test
EDGE_GRANTED+=(ssh.test)
EDGE_HOSTS+=('[service shell]' "listen = 127.0.0.1:$AT" 'hostname = ssh.test' 'public = unauthenticated')
start_web
printf '[127.0.0.1]:%s %s\n' "$AT" "$(cut -d' ' -f1,2 "$TMP/host.pub")" >"$TMP/known"
OPTIONS=(-i "$TMP/key" -F none -o BatchMode=yes -o "UserKnownHostsFile=$TMP/known" -o StrictHostKeyChecking=yes -o ConnectTimeout=20)
there() { ssh "${OPTIONS[@]}" -p "$AT" "$ME@127.0.0.1" "$@"; }

same "$(there echo hello from home)" "hello from home" "what a command says"
there 'exit 7'
same "$?" 7 "its exit code"
# An answer to each line before the next is sent.
same "$(for i in 1 2 3 4 5; do echo "line $i"; done | there 'while read -r l; do echo "got $l"; done')" \
	"$(for i in 1 2 3 4 5; do echo "got line $i"; done)" "the dialogue"
head -c 8388608 /dev/urandom >"$TMP/file"
scp -q "${OPTIONS[@]}" -P "$AT" "$TMP/file" "$ME@127.0.0.1:$TMP/there" || fail "scp to home failed"
scp -q "${OPTIONS[@]}" -P "$AT" "$ME@127.0.0.1:$TMP/there" "$TMP/back" || fail "scp from home failed"
cmp "$TMP/file" "$TMP/back" || fail "the file came back otherwise"

there 'echo waiting; sleep 100' >"$TMP/session" 2>&1 &
session=$!
wait_for grep -q waiting "$TMP/session"
stop connector KILL
ended() { ! kill -0 "$session" 2>/dev/null; }
wait_for ended
edge_is_alive
