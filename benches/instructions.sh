#!/usr/bin/env bash
# Instructions per byte of document: lol_html with no handlers, with one idle handler, and the customer's view with the
# presets alone and with 20 and 200 rules besides. Each is the difference between two runs under callgrind that differ
# by one round. Then what a response costs before its first byte, and what one holds in its middle.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(cargo bench --bench layers --no-run --message-format json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*layers[^"]*\)".*/\1/p' | tail -1)
printf 'a response in the middle of its page holds %s\n' "$("$binary" held 102400 1000)"
if ! command -v valgrind >/dev/null; then
  echo "instructions per byte: valgrind is not installed, nothing to count with"
  exit 0
fi
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$@" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
round() {
  local one two
  one=$(count "$@" 2)
  two=$(count "$@" 3)
  echo $((two - one))
}
for size in 102400 1048576; do
  for case in none idle customer rules20 rules200; do
    awk -v case="$case" -v size="$size" -v n="$(round "$case" "$size")" \
      'BEGIN { printf "%7d bytes, %-8s %6.1f instructions per byte\n", size, case, n / size }'
  done
done
for case in idle customer rules200; do
  printf 'an almost empty page, %-8s %8d instructions\n' "$case" "$(round "$case" 0)"
done
