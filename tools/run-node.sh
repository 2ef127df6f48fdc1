#!/bin/sh
# Runs Node on the arguments. Builtins only: every action starts with this script, and a cache hit takes milliseconds.
# After `--`, Node looks for no option of its own: it would read the file of a tool's `--env-file`.
node=${BUCK2_ORAS_NODE:-node}
if command -v "$node" >/dev/null 2>&1; then
  exec "$node" -- "$@"
fi
printf '%s\n' \
  "error[NODE_NOT_FOUND]: Node.js not found: no \`$node\` on the PATH" \
  "  hint: install Node.js 20.19 or newer where this ran, on the worker under remote execution, or set BUCK2_ORAS_NODE there, or use a standalone executable (docs/standalone.md); run \`buck2 kill\` so that Buck2 sees a new PATH" >&2
exit 69
