#!/bin/sh
# Yosys and nextpnr for `make synth`: prepares DIR/run, which runs one of them in this directory.
#
#   scripts/synth_tools.sh DIR
#   DIR/run yosys -V
#
# What the host has is used: yosys from 0.52 on, nextpnr-ecp5, nextpnr-himbaechel-xilinx. Elsewhere
# Yosys and nextpnr-ecp5 are wheels of scripts/rtl_tools.sh, without root. nextpnr for Artix-7 is no
# wheel: where ROUTES (default: all) names an xc7, it comes from Debian's release SUITE (default
# forky) in a chroot, DIR/SUITE, made from the mirror that apt uses here: 220 MB to fetch, 600 MB on
# disk, two minutes. That takes root, for debootstrap as for chroot. Every mount is private to the
# process that needs it, so nothing stays mounted, whatever ends it. SYNTH_MIRROR names another mirror.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
SUITE=${SUITE:-forky}
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
root=$dir/$SUITE
wheels=$here/build/rtl-tools

fail() { echo "error: $*" >&2; exit 1; }

# has TOOL: the host's will do.
has() {
  command -v "$1" >/dev/null || return 1
  [ "$1" != yosys ] ||
    [ "$(printf '0.52\n%s\n' "$(yosys -V | sed 's/^Yosys \([0-9.]*\).*/\1/')" | sort -V | head -n 1)" = 0.52 ]
}

xilinx=nextpnr-himbaechel-xilinx
printf '#!/bin/sh\ncase $1 in\n' >"$dir/run"
for tool in yosys nextpnr-ecp5 ecppack; do
  if has $tool; then continue; fi
  [ $tool = ecppack ] || [ -x "$wheels/bin/yowasp-$tool" ] || "$here/scripts/rtl_tools.sh" "$wheels"
  [ $tool = ecppack ] || [ -x "$wheels/bin/yowasp-$tool" ] ||
    fail "$tool is not installed here, and its wheel could not be: see $wheels/setup.log"
  printf "  %s) shift; exec '%s' \"\$@\" ;;\n" $tool "$wheels/bin/yowasp-$tool" >>"$dir/run"
done
case ${ROUTES:-xc7} in *xc7*) artix=yes ;; *) artix=no ;; esac
if [ $artix = no ] || has $xilinx; then
  printf 'esac\nexec "$@"\n' >>"$dir/run"
  chmod +x "$dir/run"
  exit 0
fi

[ "$(id -u)" -eq 0 ] || fail "$xilinx is not installed here; to set it up in $root this script must run as" \
  "root (sudo make synth), or leave Artix-7 out: make synth ROUTES='ecp5-8 ecp5-6'"
unshare -m true 2>/dev/null || fail "this machine lets even root mount nothing (unshare -m fails):" \
  "a container needs the capability SYS_ADMIN for it; or install $xilinx, or leave Artix-7 out:" \
  "make synth ROUTES='ecp5-8 ecp5-6'"

# In the chroot, with /proc and the project where it is.
cat >>"$dir/run" <<END
  $xilinx | apt-get | --mounted) ;;
  *) exec "\$@" ;;
esac
[ "\$1" = --mounted ] || exec unshare -m '$dir/run' --mounted "\$@"
shift
set -e
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
echo "setting up Debian $SUITE with $xilinx in $root"
log=$dir/setup.log
debootstrap --variant=minbase "$SUITE" "$root" "$mirror" "$recipe" >"$log" 2>&1 ||
  fail "debootstrap of $SUITE from $mirror failed; see $log"
DEBIAN_FRONTEND=noninteractive LC_ALL=C "$dir/run" \
  apt-get -q install -y --no-install-recommends $xilinx >>"$log" 2>&1 ||
  fail "installing $xilinx in $root failed; see $log"
"$dir/run" apt-get clean
touch "$root/ready"
