#!/bin/sh
# Makes sure that what the browser tests need is installed. As root on Debian it
# installs what is missing; elsewhere it names it and leaves the rest to the
# tests, which skip loudly, or fail where CI=true. Quick when all is there.
#
# The packages' own services stay as Debian sets them up: the tests run their
# own instances on free ports and never touch the standard ones.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/lib/dovecot:/usr/libexec/dovecot

packages=
for pair in \
	"${FIREFOX:-firefox-esr}:firefox-esr" \
	dovecot:dovecot-imapd \
	pop3-login:dovecot-pop3d \
	submission-login:dovecot-submissiond \
	ngircd:ngircd \
	unbound:unbound \
	dig:bind9-dnsutils \
	openssl:openssl \
	js78:libmozjs-78-dev
do
	command -v "${pair%:*}" >/dev/null 2>&1 || packages="$packages ${pair##*:}"
done
# dovecot-core has the command without the IMAP part.
case "$packages" in
*dovecot-imapd*) ;;
*) [ -x /usr/lib/dovecot/imap ] || [ -x /usr/libexec/dovecot/imap ] || packages="$packages dovecot-imapd" ;;
esac

# CI tests what is built by TinyGo too: see wasm/tinygo.
if [ "${CI:-}" = true ] && ! command -v "${TINYGO:-tinygo}" >/dev/null 2>&1; then
	for pair in \
		/usr/lib/llvm-19/include/llvm-c/Core.h:llvm-19-dev \
		/usr/lib/llvm-19/include/clang-c/Index.h:libclang-19-dev \
		/usr/bin/clang-19:clang-19 \
		/usr/bin/wasm-ld-19:lld-19
	do
		[ -e "${pair%:*}" ] || packages="$packages ${pair##*:}"
	done
fi

[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "Missing for the browser tests (Debian's names):$packages" >&2
	exit 0
fi

echo "Installing:$packages" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $packages
