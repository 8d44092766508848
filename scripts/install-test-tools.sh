#!/bin/sh
# Installs the system tools that the end-to-end tests compare bivy with or run its images in.
# bivy itself needs none of them. Run as root on Debian or Ubuntu; elsewhere install the same tools
# by hand. What cannot be installed is named with the tests that are skipped without it: that is an
# error only where CI=true, because there nothing may be skipped.
set -u

# command : package : what is tested with it
tools='
git:git:the list of tracked files (architecture)
docker-registry:docker-registry:pushing to and pulling from a real registry
skopeo:skopeo:inspecting and copying images with skopeo
umoci:umoci:unpacking images with umoci
crun:crun:running images with crun
runc:runc:running images with runc
newuidmap:uidmap:builds and scripts in a user namespace with many ids
bwrap:bubblewrap:running commands under bubblewrap
podman:podman:loading images into podman
buildah:buildah:comparing images with those of buildah
unshare:util-linux:running package scripts without root
ip:iproute2:the network of commands that have none
tar:tar:extended attributes of files
xz:xz-utils:archives that ADD unpacks
bzip2:bzip2:archives that ADD unpacks
ssh-agent:openssh-client:agents that RUN is given
chromium:chromium:reports in a browser
'

# newuidmap and docker-registry live in sbin folders on some systems.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing() {
  printf '%s' "$tools" | while IFS=: read -r name package purpose; do
    [ -z "$name" ] && continue
    command -v "$name" >/dev/null 2>&1 || printf '%s:%s:%s\n' "$name" "$package" "$purpose"
  done
}

apt() {
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
    -o Dpkg::Use-Pty=0 "$@" </dev/null
}

wanted=$(missing)
if [ -z "$wanted" ]; then
  echo "All test tools are installed."
  exit 0
fi

packages=$(printf '%s\n' "$wanted" | cut -d: -f2 | sort -u | tr '\n' ' ')
reason=
if ! command -v apt-get >/dev/null 2>&1; then
  reason="there is no apt-get here"
elif [ "$(id -u)" -ne 0 ]; then
  reason="that needs root: sudo $0"
else
  echo "Installing with apt: $packages"
  printf '%s\n' "$wanted" | while IFS=: read -r name _ purpose; do
    printf '  %-16s %s\n' "$name" "$purpose"
  done
  apt update || echo "apt-get update failed; trying with the lists at hand." >&2
  # One name that a release does not know must not keep the others away.
  # shellcheck disable=SC2086 # a list of words
  apt install --no-install-recommends $packages ||
    for package in $packages; do
      apt install --no-install-recommends "$package"
    done
  reason="apt could not install it"
fi

left=$(missing)
[ -z "$left" ] && exit 0
echo "Missing, because $reason; the tests of these are skipped:" >&2
printf '%s\n' "$left" | while IFS=: read -r name package purpose; do
  printf '  %-16s (package %s) %s\n' "$name" "$package" "$purpose" >&2
done
[ "${CI:-}" = true ] && exit 1
exit 0
