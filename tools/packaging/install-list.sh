#!/bin/sh
# install-list.sh PACKAGE ROOT: what dh_install, dh_link and dh_installdirs do by debian/PACKAGE.{install,links,dirs}, for
# RPM: one list of files for both. Prints what it installed, for %files.
set -eu

package=$1
root=$2

while read -r from to; do
  mkdir -p "$root/$to"
  # shellcheck disable=SC2086 # a pattern
  for file in $from; do
    cp -a --no-preserve=ownership "$file" "$root/$to/"
  done
done <"debian/$package.install"
if [ -e "debian/$package.links" ]; then
  while read -r target link; do
    mkdir -p "$root/$(dirname "$link")"
    ln -s --relative "$root/$target" "$root/$link"
  done <"debian/$package.links"
fi
if [ -e "debian/$package.dirs" ]; then
  while read -r folder; do mkdir -p "$root/$folder"; done <"debian/$package.dirs"
fi
find "$root" -type f -name LICENSE -delete

# Folders that are ours, then files; what an operator edits is kept when it is replaced.
cd "$root"
find . -mindepth 1 -type d -path '*package-rebuilder*' -printf '%%dir "/%P"\n' | LC_ALL=C sort
find . ! -type d -printf '/%P\n' | LC_ALL=C sort | while read -r path; do
  case $path in
    /etc/qubes-rpc/*) printf '"%s"\n' "$path" ;;
    /etc/*) printf '%%config(noreplace) "%s"\n' "$path" ;;
    *) printf '"%s"\n' "$path" ;;
  esac
done
