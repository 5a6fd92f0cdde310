# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What tests/run and tests/try have in common: packages, a copy of the source, a build.
# $top is the source.

# Names this run in the environment of everything that it starts, so that stragglers can be found.
export QUIESCED_TEST_RUN=$$-$RANDOM

# Debian's own, not one that a version manager has put before it in PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
unset CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS DESTDIR

MEMORY_WANTED_KB=3000000

say() { printf '%s\n' "$*" >&2; }

require_root() {
	[ "$(id -u)" -eq 0 ] && return
	say "$0: run it as root (sudo $0): it makes loop devices, mounts and freezes file systems of its own"
	exit 2
}

# Those of the list that are not installed. What comes with a file that is there all the same is not
# missing: nodejs from elsewhere brings its npm along, and tolerates no other.
missing_packages() {
	local name file
	grep -v '^#' "$top/tests/lab/packages" | while read -r name file; do
		[ -n "$file" ] && [ -e "$file" ] && continue
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
			printf '%s\n' "$name"
	done
}

install_packages() {
	local missing
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	say "installing" $missing
	export DEBIAN_FRONTEND=noninteractive
	# The lists on the disk may do; if they are missing or too old, fetch them and try again.
	apt-get install -qq -y --no-install-recommends $missing >"$work/apt.log" 2>&1 && return
	apt-get update -qq >>"$work/apt.log" 2>&1 &&
		apt-get install -qq -y --no-install-recommends $missing >>"$work/apt.log" 2>&1 && return
	tail -n 20 "$work/apt.log" >&2
	say "$0: the packages above could not be installed"
	exit 1
}

# The tracked and the new files, so that neither the build leaves anything in the source, nor what
# lies there already reaches the build.
copy_source() {
	mkdir "$work/source"
	if git -c safe.directory='*' -C "$top" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -c safe.directory='*' -C "$top" ls-files -z --cached --others --exclude-standard |
			tar -C "$top" --null --ignore-failed-read --files-from=- -cf - 2>/dev/null
	else
		tar -C "$top" --exclude=./build --exclude=./.git -cf - .
	fi | tar -C "$work/source" -xf -
}

prepare_source() {
	copy_source && cd "$work/source" && autoreconf -fi
}

# build_with FOLDER [CONFIGURE-ARGUMENT...]
build_with() {
	local folder=$1
	shift
	mkdir -p "$folder" && cd "$folder" &&
		"$work/source/configure" --enable-silent-rules "$@" && make -j"$(nproc)"
}

# Processes of this run that are still there: their environment says whose they are.
stragglers() {
	local environ pid
	for environ in /proc/[0-9]*/environ; do
		pid=${environ//[!0-9]/}
		[ "$pid" -ne $$ ] && [ "$pid" -ne "$BASHPID" ] &&
			grep -qz "^QUIESCED_TEST_RUN=$QUIESCED_TEST_RUN\$" "$environ" 2>/dev/null &&
			printf 'running: %s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	return 0
}

# What this run could have forgotten, one per line; all of its files lie in $work and $scratch.
leftovers() {
	stragglers
	losetup --list --noheadings --output NAME,BACK-FILE | grep -F -e "$work" -e "$scratch"
	findmnt --list --noheadings --output TARGET,SOURCE | grep -F -e "$work" -e "$scratch"
	find "$scratch" -mindepth 1 -maxdepth 1
	find /run/quiesced -newer "$work/began" 2>/dev/null
	[ "$(cat /sys/kernel/rcu_expedited)" = "$(cat "$work/began")" ] ||
		echo "rcu_expedited: not put back"
}

# What has just been told to end may take a moment.
nothing_left() {
	local left
	for _ in $(seq 30); do
		left=$(leftovers)
		[ -n "$left" ] || return 0
		sleep 1
	done
	printf '%s\n' "$left"
	return 1
}

# The process that works for this run meanwhile.
background=""

# begin_background NAME COMMAND...: its output is $work/NAME.log.
begin_background() {
	local log=$work/$1.log
	shift
	nice -n 10 "$@" >"$log" 2>&1 </dev/null &
	background=$!
}

# Its exit status if it has ended by itself; else it is ended, and the status is 0.
end_background() {
	local process=$background status=0
	[ -n "$process" ] || return 0
	background=""
	# Asked of the shell: the number of one that has ended may be another's by now.
	if jobs -rp | grep -qx "$process"; then
		kill "$process"
		wait "$process" 2>/dev/null
		return 0
	fi
	wait "$process" || status=$?
	return $status
}

# The shells that run suites beside this one.
aside=""

begin_aside() {
	"$@" &
	aside="$aside $!"
}

wait_aside() {
	wait $aside
	aside=""
}

# Suites clean up behind themselves when the timeout(1) above them is told to end.
end_aside() {
	[ -n "$aside" ] || return 0
	jobs -rp | grep -Fx "$(printf '%s\n' $aside)" | xargs -r kill
	stragglers | sed -n 's/^running: \([0-9]*\) timeout .*/\1/p' | xargs -r kill
	wait $aside 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		stragglers | grep -q . || break
		sleep 1
	done
}

clean_up() {
	end_aside
	end_background
	cd /
	rm -rf "$work" "$scratch"
}

# Two folders of this run's own: on disk for builds, in memory, if there is some, for disk images.
make_folders() {
	local memory=/dev/shm
	[ "$(df --output=avail -k "$memory" | tail -n 1)" -gt $MEMORY_WANTED_KB ] || memory=/var/tmp
	work=$(mktemp -d /var/tmp/q.XXXXXX) && scratch=$(mktemp -d "$memory/q.XXXXXX") || exit 1
	chmod 0755 "$work" "$scratch"
	cat /sys/kernel/rcu_expedited >"$work/began"
	mkdir "$work/tmp"
	export TMPDIR=$work/tmp QUIESCED_SCRATCH=$scratch
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}
