#!/bin/sh
# deps.sh [--check] [build|test|lint ...]
#
# What building, testing and linting zt need, in one table. With --check: exit 0 if all of it is
# there, else name what is missing. Without: install what is missing (Debian, Ubuntu: apt-get;
# Alpine: apk), through sudo when not root. No set named: all three.
#
# A row: set, proof, Debian's packages, Alpine's packages. The proof is what counts, so that a
# tool installed by other means is taken as it is:
#   cmd:NAME     a command (A,B: or) hdr:NAME   a header the host compiler finds
#   lib:NAME     a static archive    musl:NAME  a file of musl's own library folder
#   clang:GLOB   a runtime archive of clang   node:NAME  a module that node finds
# a,b in a package column: the first of them that this release of the distribution knows.
set -u
cd "$(dirname "$0")/.." || exit 1

table() {
	cat <<'ROWS'
build cmd:gcc                   gcc             gcc
build cmd:make                  make            make
build cmd:strip                 binutils        binutils
build hdr:stdio.h               libc6-dev       musl-dev
build hdr:linux/seccomp.h       linux-libc-dev  linux-headers
build hdr:bearssl.h             libbearssl-dev  bearssl-dev
build lib:libbearssl.a          libbearssl-dev  bearssl-static
build hdr:ini.h                 libinih-dev     inih-dev
build lib:libinih.a             libinih-dev     fetch-inih.sh
build musl:rcrt1.o              musl-dev        musl-dev
test  cmd:bash                  bash            bash
test  cmd:clang                 clang           clang
test  clang:libclang_rt.asan*   libclang-rt-dev,libclang-rt-14-dev,libclang-common-14-dev compiler-rt
test  clang:libclang_rt.fuzzer* libclang-rt-dev,libfuzzer-14-dev,libclang-common-14-dev   compiler-rt
test  cmd:llvm-symbolizer       llvm            llvm
test  cmd:python3               python3         python3
test  cmd:strace                strace          strace
test  cmd:dnsmasq               dnsmasq-base    dnsmasq
test  cmd:ip                    iproute2        iproute2
test  cmd:ss                    iproute2        iproute2-ss,iproute2
test  cmd:sysctl                procps          procps-ng,procps
test  cmd:unshare               util-linux      util-linux-misc,util-linux
test  cmd:nsenter               util-linux      util-linux-misc,util-linux
test  cmd:nm                    binutils        binutils
test  cmd:ps                    procps          procps-ng,procps
test  cmd:pgrep                 procps          procps-ng,procps
test  cmd:curl                  curl            curl
test  cmd:git                   git             git
test  cmd:valgrind              valgrind        valgrind
test  cmd:openssl               openssl         openssl
test  cmd:nginx                 nginx-light     nginx
test  cmd:certtool              gnutls-bin      gnutls-utils
test  cmd:sqlite3               sqlite3         sqlite
test  hdr:sqlite3.h             libsqlite3-dev  sqlite-dev
test  hdr:openssl/evp.h         libssl-dev      openssl-dev
test  cmd:openssl               openssl         openssl
test  cmd:wget                  wget            wget
test  cmd:gnutls-cli            gnutls-bin      gnutls-utils
test  cmd:gnutls-serv           gnutls-bin      gnutls-utils
test  cmd:certtool              gnutls-bin      gnutls-utils
test  cmd:tstclnt               libnss3-tools   nss-tools
test  cmd:selfserv              libnss3-tools   nss-tools
test  cmd:certutil              libnss3-tools   nss-tools
test  cmd:pk12util              libnss3-tools   nss-tools
test  cmd:nginx                 nginx-light     nginx
test  cmd:keytool               default-jre-headless openjdk17-jre-headless,openjdk21-jre-headless
test  cmd:xmllint               libxml2-utils   libxml2-utils
test  cmd:plistutil             libplist-utils  libplist-util
test  cmd:node                  nodejs          nodejs
test  cmd:chromium              chromium        chromium
test  cmd:testssl,testssl.sh    testssl.sh      testssl.sh
test  cmd:haproxy               haproxy         haproxy
test  cmd:stunnel               stunnel4        stunnel
test  cmd:hitch                 hitch           hitch
test  cmd:caddy                 caddy           caddy
test  cmd:apache2,httpd         apache2         apache2
test  cmd:wrk                   wrk             wrk
test  cmd:h2load                nghttp2-client  nghttp2
test  node:ws                   node-ws         fetch-node-ws
test  cmd:sshd                  openssh-server  openssh-server
test  cmd:ssh                   openssh-client  openssh-client-default,openssh-client
test  cmd:ssh-keygen            openssh-client  openssh-keygen
test  cmd:scp                   openssh-client  openssh-client-default,openssh-client
test  cmd:pkg-config        pkg-config      pkgconf
test  cmd:socat                 socat           socat
test  cmd:setpriv               util-linux      setpriv,util-linux
lint  cmd:bash                  bash            bash
lint  cmd:clang                 clang           clang
lint  cmd:clang-tidy            clang-tidy      clang-extra-tools
lint  cmd:ctags                 universal-ctags ctags
lint  cmd:shellcheck            shellcheck      shellcheck
lint  cmd:python3               python3         python3
ROWS
}

is_debian() { command -v apt-get >/dev/null 2>&1; }
is_alpine() { [ -e /etc/alpine-release ] && command -v apk >/dev/null 2>&1; }

# The folder of musl's start files and libc.a: /usr/lib on Alpine, its own folder on Debian.
musl_dir() {
	if [ -e /etc/alpine-release ]; then
		echo /usr/lib
	else
		triplet=$(gcc -print-multiarch 2>/dev/null || true)
		echo "/usr/lib/${triplet%%-*}-linux-musl"
	fi
}

any_file() {
	for f in "$@"; do
		[ -e "$f" ] && return 0
	done
	return 1
}

# The sbin folders are not in every user's PATH, but ip and dnsmasq live there.
have_cmd() {
	# shellcheck disable=SC2086 # one word for each command
	for c in $(echo "$1" | tr , ' '); do
		PATH="$PATH:/usr/sbin:/sbin" command -v "$c" >/dev/null 2>&1 && return 0
	done
	return 1
}

# Unquoted $what: it is a pattern.
# shellcheck disable=SC2086
have_runtime() { have_cmd clang && any_file "$(clang -print-resource-dir)"/lib/*/$what; }

holds() {
	what=${1#*:}
	case $1 in
	*bearssl*) [ -n "${BEARSSL:-}" ] && return 0 ;; # make BEARSSL=DIR brings its own
	esac
	case $1 in
	cmd:*) have_cmd "$what" ;;
	hdr:*) have_cmd gcc && echo "#include <$what>" | gcc -E -o /dev/null - 2>/dev/null ;;
	lib:*) any_file "/usr/lib/$(gcc -print-multiarch 2>/dev/null || true)/$what" "/usr/lib/$what" \
		"build/inih/$what" ;;
	musl:*) [ -e "$(musl_dir)/$what" ] ;;
	clang:*) have_runtime ;;
	node:*) have_cmd node && NODE_PATH=/usr/share/nodejs node -e "require('$what')" 2>/dev/null ;;
	esac
}

# Rows of the wanted sets whose proof does not hold.
missing_rows() {
	table | while read -r set proof debian alpine; do
		case " $sets " in *" $set "*) ;; *) continue ;; esac
		holds "$proof" || echo "$proof $debian $alpine"
	done
}

# The first of a,b,c that the distribution knows; the first of all if none.
choose() {
	rest=$1,
	while [ -n "$rest" ]; do
		one=${rest%%,*}
		rest=${rest#*,}
		if is_debian; then
			apt-cache show "$one" >/dev/null 2>&1 && break
		else
			[ -n "$(apk search -x "$one" 2>/dev/null)" ] && break
		fi
		one=${1%%,*}
	done
	echo "$one"
}

# Answers 1 after naming the command when this user may not install.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env "$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo env "$@"
	else
		echo "deps: not root and there is no sudo. As root, run: $*" >&2
		return 1
	fi
}

packages() {
	column=$1
	echo "$missing" | while read -r _ debian alpine; do
		if [ "$column" = debian ]; then choose "$debian"; else choose "$alpine"; fi
	done | sort -u | grep -v '^fetch-' | tr '\n' ' '
}

# Debian starts a server as soon as it is installed, and again with the machine. The tests want the programs, and nobody
# asked for a web server on port 80: what is new here is neither started nor enabled.
quiet_install() {
	cat <<'SH'
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
	trap 'rm -f "$guard"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard" || exit 1
fi
apt-get -q -y --no-install-recommends install "$@" || exit 1
command -v systemctl >/dev/null 2>&1 || exit 0
for p in "$@"; do
	case $p in
	apache2 | caddy | haproxy | hitch | stunnel4) systemctl disable "$p" ;;
	nginx-light) systemctl disable nginx ;;
	openssh-server) systemctl disable ssh ;;
	esac
done
exit 0
SH
}

install_debian() {
	as_root DEBIAN_FRONTEND=noninteractive apt-get -q update || return 1
	# shellcheck disable=SC2046 # a list of package names
	as_root DEBIAN_FRONTEND=noninteractive sh -c "$(quiet_install)" sh ca-certificates $(packages debian)
}

install_alpine() {
	# shellcheck disable=SC2046 # a list of package names
	as_root apk add $(packages alpine) || return 1
	# Alpine ships inih without a static archive: the pinned source is built beside us.
	holds lib:libinih.a || sh third_party/fetch-inih.sh
}

check=
sets=
for arg in "$@"; do
	case $arg in
	--check) check=yes ;;
	build | test | lint) sets="$sets $arg" ;;
	*)
		echo "deps: '$arg' is neither --check nor one of build, test, lint" >&2
		exit 2
		;;
	esac
done
sets=${sets:- build test lint}

missing=$(missing_rows)
if [ -z "$missing" ]; then
	[ -n "$check" ] || echo "deps: all there for$sets"
	exit 0
fi
if [ -n "$check" ]; then
	echo "$missing" | while read -r proof debian alpine; do
		echo "deps: $proof is missing (Debian: $debian; Alpine: $alpine)"
	done >&2
	exit 1
fi
if is_debian; then
	install_debian || exit 1
elif is_alpine; then
	install_alpine || exit 1
else
	echo "deps: this is neither Debian nor Alpine; please install by hand what provides:" >&2
	echo "$missing" | while read -r proof debian alpine; do
		echo "  $proof (Debian: $debian; Alpine: $alpine)"
	done >&2
	exit 1
fi
missing=$(missing_rows)
if [ -n "$missing" ]; then
	echo "deps: still missing after the installation: $missing" >&2
	exit 1
fi
echo "deps: all there for$sets"
