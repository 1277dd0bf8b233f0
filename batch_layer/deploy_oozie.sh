#!/bin/sh
# Deploys the batch layer to Oozie: builds learnfold.zip, checks the XML, uploads all, prints the command that submits it.
#   ./deploy_oozie.sh [--dry-run] [-D nameNode=hdfs://host:8020] [--via hdfs|webhdfs] …   (--help tells more)
# PYTHON names the interpreter; else it is the one of .venv, else python3.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
python=${PYTHON:-}
if [ -z "$python" ]; then
    python=python3
    [ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
fi
export PYTHONPATH="$root/src${PYTHONPATH:+:$PYTHONPATH}"

# 1. build
"$python" "$root/tools/build_zip.py" >&2
# 2. check  3. upload  4. print the submit command
exec "$python" -m learnfold oozie --deploy "$here" --zip "$root/dist/learnfold.zip" "$@"
