#!/bin/sh
# Yosys and nextpnr for `make synth`: prepares DIR/run, which runs one of them in this directory.
#
#   scripts/synth_tools.sh DIR
#   DIR/run yosys -V
#
# Where the host has yosys >= 0.52, nextpnr-ecp5 and nextpnr-himbaechel-xilinx, DIR/run just calls
# them. Elsewhere (Debian 12 and 13) they come from Debian's release SUITE (default forky) in a
# chroot, DIR/SUITE, made from the mirror that apt uses here: 220 MB to fetch, 600 MB on disk, two
# minutes. That takes root, for debootstrap as for chroot. Every mount is private to the process
# that needs it, so nothing stays mounted, whatever ends it. SYNTH_MIRROR names another mirror.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
SUITE=${SUITE:-forky}
tools='yosys nextpnr-ecp5 nextpnr-himbaechel-xilinx'
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
root=$dir/$SUITE

fail() { echo "error: $*" >&2; exit 1; }

host_has_all() {
  for tool in $tools; do command -v "$tool" >/dev/null || return 1; done
  version=$(yosys -V | sed 's/^Yosys \([0-9.]*\).*/\1/')
  [ "$(printf '0.52\n%s\n' "$version" | sort -V | head -n 1)" = 0.52 ]
}

if host_has_all; then
  printf '#!/bin/sh\nexec "$@"\n' >"$dir/run"
  chmod +x "$dir/run"
  exit 0
fi

[ "$(id -u)" -eq 0 ] || fail "yosys >= 0.52, nextpnr-ecp5 and nextpnr-himbaechel-xilinx are not all" \
  "installed here; to set them up in $root this script must run as root (sudo make synth)"
unshare -m true 2>/dev/null || fail "this machine lets even root mount nothing (unshare -m fails):" \
  "a container needs the capability SYS_ADMIN for it; or install yosys >= 0.52, nextpnr-ecp5 and" \
  "nextpnr-himbaechel-xilinx"

# In the chroot, with /proc (yosys asks it where its own files are) and the project where it is.
cat >"$dir/run" <<END
#!/bin/sh
set -e
[ "\$1" = --mounted ] || exec unshare -m '$dir/run' --mounted "\$@"
shift
mount -t proc proc '$root/proc'
mkdir -p '$root$here'
mount --bind '$here' '$root$here'
exec chroot '$root' sh -c 'cd "\$0" && exec "\$@"' '$here' "\$@"
END
chmod +x "$dir/run"
[ ! -e "$root/ready" ] || exit 0

mirror=${SYNTH_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
  awk '$2 == "Debian" { print $1; exit }')}
[ -n "$mirror" ] || fail "apt's configuration names no Debian mirror; name one in SYNTH_MIRROR"
"$here/scripts/dependencies.sh" synth

# What an interrupted run left behind is of no use. Nothing is mounted in it: see above.
rm -rf "$root"
recipe=/usr/share/debootstrap/scripts/$SUITE
[ -e "$recipe" ] || recipe=/usr/share/debootstrap/scripts/sid
echo "setting up Debian $SUITE with $tools in $root"
log=$dir/setup.log
debootstrap --variant=minbase "$SUITE" "$root" "$mirror" "$recipe" >"$log" 2>&1 ||
  fail "debootstrap of $SUITE from $mirror failed; see $log"
"$dir/run" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
  apt-get -q install -y --no-install-recommends $tools >>"$log" 2>&1 ||
  fail "installing $tools in $root failed; see $log"
"$dir/run" apt-get clean
touch "$root/ready"
