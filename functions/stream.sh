#!/bin/sh
# What Lambda starts in place of its own Python runtime, which cannot stream: Lambda calls the wrapper of AWS Lambda Web
# Adapter, the wrapper this. Each is replaced by the next, so that SIGTERM reaches Python.
set -eu

# The managed runtime would set this. The layers lie beside the wrapper: /opt/bootstrap, /opt/python.
export PYTHONPATH="$LAMBDA_TASK_ROOT:${AWS_LAMBDA_EXEC_WRAPPER%/*}/python"

exec python3 -m functions.stream_server "${AWS_LWA_PORT:-8080}"
