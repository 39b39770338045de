#!/usr/bin/env bash
# Installs the packages of one or more sections of test/setup/packages that are missing.
#
#	test/setup/install.sh check [bench …]
#
# Does nothing, and needs no rights, when all of them are there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
major=${AIPIPE_PG_MAJOR:-15}

# Prints the packages of the sections given, one a line.
wanted()
{
	local section
	for section in "$@"; do
		awk -v section="[$section]" -v major="$major" '
			/^\[/ { inside = ($0 == section); found = found || inside; next }
			inside && NF && !/^#/ { gsub(/@PG@/, major); print }
			END { exit !found }' "$here/packages" ||
			{ echo "install.sh: no section [$section] in test/setup/packages" >&2; return 1; }
	done
}

# Prints those of its arguments that are not installed.
missing()
{
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# Runs a command as root, asking for the password when that takes one.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "install.sh: packages are missing and there is no sudo; as root, run: $*" >&2
		return 1
	fi
}

# Runs apt-get without questions, waiting for another apt to finish.
apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2
}

[ $# -gt 0 ] || set -- check
list=$(wanted "$@")
# shellcheck disable=SC2086 # package names have no spaces
need=$(missing $list | sort -u)
[ -n "$need" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "install.sh: no apt-get here; please install what corresponds to:" >&2
	echo "$need" >&2
	exit 1
fi
echo "Installing: ${need//$'\n'/ }" >&2
# A package without a candidate means that the lists were never fetched.
# shellcheck disable=SC2086
for package in $need; do
	apt-cache policy "$package" | grep -q 'Candidate: [^(]' || { apt update; break; }
done
# Stale lists name files that are gone: fetch them and try once more.
# shellcheck disable=SC2086
apt install -y --no-install-recommends $need || { apt update && apt install -y --no-install-recommends $need; }
