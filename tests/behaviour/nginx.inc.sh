# shellcheck shell=bash
# nginx.inc.sh: nginx over TLS, with one page. Source lib.sh first. Not a test itself.

# start_nginx PORT PAIR: on loopback, PAIR.pem and PAIR.key, of pages in $TMP/www: hello is one.
start_nginx() {
	mkdir -p "$TMP/www" && echo "hello from home" >"$TMP/www/hello" && chmod -R a+rX "$TMP/www" "$2".*
	cat >"$TMP/nginx.conf" <<END
user $(id -un);
pid $TMP/nginx.pid;
error_log $TMP/nginx.err;
daemon off;
master_process off;
events {}
http {
	access_log off;
	client_body_temp_path $TMP/t1; proxy_temp_path $TMP/t2; fastcgi_temp_path $TMP/t3; uwsgi_temp_path $TMP/t4; scgi_temp_path $TMP/t5;
	server {
		listen 127.0.0.1:$1 ssl;
		ssl_certificate $2.pem;
		ssl_certificate_key $2.key;
		root $TMP/www;
	}
}
END
	start nginx nginx -c "$TMP/nginx.conf"
	wait_for listening "$1"
}
