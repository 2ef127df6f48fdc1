#!/bin/sh
# Runs Node on the arguments. Uses builtins only: this is in front of every action, and a cache hit takes milliseconds.
node=${BUCK2_ORAS_NODE:-node}
if command -v "$node" >/dev/null 2>&1; then
  exec "$node" "$@"
fi
printf '%s\n' \
  "error[NODE_NOT_FOUND]: Node.js not found: no \`$node\` on the PATH" \
  "  hint: install Node.js 20.19 or newer, or name one with BUCK2_ORAS_NODE; Buck2 sees a new PATH after \`buck2 kill\`" >&2
exit 69
