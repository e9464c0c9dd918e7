#!/bin/sh
# Trains the picture tower and the generator of the natural models on a GPU, in at most 9 minutes:
#     training/gpu.sh DATA OUT [--device cpu] [--small]
# DATA (at most 60 MB) has DATA/pictures, which `python -m training.natural draw` wrote, and, unless
# they are installed, the unzipped EfficientNet packages in DATA/packages. OUT gets states, logs,
# perceptor.pt and generator.ckpt. Called again, it goes on where it stopped. The words stay those
# that ship: their teacher alone has 90 MB. STEPS_ROBUST and STEPS_GENERATOR say where the learning
# rates end; SECONDS_ROBUST and SECONDS_GENERATOR how long each takes at most. Where there is no
# GPU, `--device cpu --small` tries it all. PYTHON chooses the interpreter.
set -eu
[ $# -ge 2 ] || { sed -n '2,3s/^# *//p' "$0" >&2; exit 2; }
data=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || python=python3
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1

device=cuda small=
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=$2; shift 2 ;;
        --small) small=--small; shift ;;
        *) echo "There is no option $1." >&2; exit 2 ;;
    esac
done
[ "$(du -sk "$data" | cut -f 1)" -le 58593 ] || { echo "$data has more than 60 MB." >&2; exit 2; }
packages=
[ ! -d "$data/packages" ] || packages="--packages $data/packages"

minutes() { awk "BEGIN { print $1 / 60 }"; }
# shellcheck disable=SC2086  # options, or nothing
train() {
    name=$1 seconds=$2 steps=$3
    began=$(date +%s)
    # The limit is for a hang: pools are drawn before the first step.
    timeout $((seconds + 45)) "$python" -m training.natural "$name" --photos "$data/pictures" \
        --folder "$out" --device "$device" --steps "$steps" --minutes "$(minutes "$seconds")" \
        $packages $small
    echo "$name: $(($(date +%s) - began)) s"
}

train robust "${SECONDS_ROBUST:-225}" "${STEPS_ROBUST:-1500}"
[ -f "$out/perceptor.pt" ] || cp engine/models/weights/natural/perceptor.pt "$out/perceptor.pt"
"$python" -m training.natural export-robust --folder "$out" --into "$out/perceptor.pt"
train generator "${SECONDS_GENERATOR:-195}" "${STEPS_GENERATOR:-3300}"
"$python" -m training.natural export-generator --folder "$out" --into "$out/generator.ckpt"
