#!/usr/bin/env bash
# Instructions per byte of document: lol_html with no handlers, with one idle handler, and the customer's view.
# Each is the difference between two runs under callgrind that differ by one round.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
  echo "instructions per byte: valgrind is not installed, nothing to count with"
  exit 0
fi
binary=$(cargo bench --bench instructions --no-run --message-format json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*instructions[^"]*\)".*/\1/p' | tail -1)
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$@" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
for size in 102400 1048576; do
  for case in none idle customer; do
    one=$(count "$case" "$size" 1)
    two=$(count "$case" "$size" 2)
    awk -v case="$case" -v size="$size" -v n="$((two - one))" \
      'BEGIN { printf "%7d bytes, %-8s %6.1f instructions per byte\n", size, case, n / size }'
  done
done
