#!/bin/sh
# Types, format and lint, layering, unused code, shell scripts, generated files. Everything is said before it fails.
set -u
cd "$(dirname "$0")/.." || exit
failed=0
step() {
  printf 'check: %s\n' "$1"
  shift
  "$@" || failed=1
}
step types node_modules/.bin/tsc --noEmit
step 'format and lint' node_modules/.bin/biome check --error-on-warnings .
step layering node tools/check-layering.js
step 'unused code' node_modules/.bin/knip
# shellcheck disable=SC2046 # a list of file names
step 'shell scripts' shellcheck $(git ls-files | while read -r file; do
  [ -f "$file" ] && [ ! -L "$file" ] && head -c 20 "$file" | grep -q '^#!/bin/\(ba\)\?sh' && echo "$file"
done)
step 'generated files' node build/lib/generate.js --check
[ "$failed" = 0 ] && echo 'check: PASS'
exit "$failed"
