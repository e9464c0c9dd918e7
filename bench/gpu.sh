#!/bin/sh
# Measures the engine on a GPU in at most 8 minutes, and writes one JSON (bench/gpu.py says what is
# in it). Where there is no GPU, `bench/gpu.sh --device cpu --small` tries it with tiny networks.
# PYTHON chooses the interpreter; the packages of pyproject.toml must be there, with a CUDA build
# of PyTorch.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || python=python3
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
if [ "${1:-}" != --help ]; then nvidia-smi 2>/dev/null || echo "There is no nvidia-smi here." >&2; fi
# The limit is for a hang; before it, the script leaves out what does not fit into its time.
exec timeout 480 "$python" -m bench.gpu "$@"
