# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# nginx outside, nginx at home, verified TLS between them. Not a reverse tunnel: home must be reachable.
STREAM_MODULE=$(find /usr/lib/nginx/modules /usr/lib/nginx -name ngx_stream_module.so 2>/dev/null | head -n 1)
lacks() {
	lacking nginx
	[ -n "$STREAM_MODULE" ] || nginx -V 2>&1 | grep -qE -- '--with-stream( |$)' || echo "nginx has no stream module (libnginx-mod-stream)"
}
about() { echo "$(nginx -v 2>&1 | sed 's/.*: //') pair, one worker each, 64 KiB buffers, verified TLS; stream, or http with kept connections"; }
stream_conf() { # NAME LISTEN TO LINES
	[ -z "$STREAM_MODULE" ] || printf 'load_module %s; ' "$STREAM_MODULE"
	printf 'daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid %s/%s.pid; error_log stderr crit;\n' "$TMP" "$1"
	printf 'events { worker_connections 19900; } stream { proxy_buffer_size 64k; server { listen 127.0.0.1:%s; proxy_pass %s; %s } }\n' "$2" "$3" "$4" >"$PEER_DIR/$1.stream"
	cat "$PEER_DIR/$1.stream"
}
HOME_LINES="ssl_certificate $WEB_DIR/far.pem; ssl_certificate_key $WEB_DIR/far.key; ssl_protocols TLSv1.2; ssl_ciphers $SUITE; ssl_ecdh_curve X25519; ssl_session_cache shared:s:4m;"
OUTER_LINES="proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers $SUITE; proxy_ssl_verify on; proxy_ssl_trusted_certificate $WEB_CA; proxy_ssl_name far.test; proxy_ssl_server_name on;"
tunnel() {
	stream_conf nginx-home "$LISTEN ssl backlog=4096" "127.0.0.1:$TO" "$HOME_LINES" >"$PEER_DIR/home.conf"
	stream_conf nginx-outer "$NEAR backlog=4096" "$DIAL_HOST:$DIAL" "proxy_ssl on; $OUTER_LINES" >"$PEER_DIR/outer.conf"
	subject nginx-home nginx -e stderr -c "$PEER_DIR/home.conf"
	subject nginx-outer nginx -e stderr -c "$PEER_DIR/outer.conf"
	serves "$LISTEN" && serves "$NEAR"
}
http() {
	nginx_conf nginx-home "$PROXY_LINES upstream o { server 127.0.0.1:$TO; keepalive 64; }
server { listen 127.0.0.1:$LISTEN ssl; $HOME_LINES location / { proxy_pass http://o; } }" >"$PEER_DIR/home.conf"
	subject nginx-home nginx -e stderr -c "$PEER_DIR/home.conf"
	serves "$LISTEN" && nginx_front "$DIAL_HOST:$DIAL" https "$OUTER_LINES"
}
