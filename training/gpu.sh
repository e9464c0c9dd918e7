#!/bin/sh
# Trains all of the natural models on a GPU, in at most 9 minutes:
#     training/gpu.sh DATA OUT [--device cpu] [--small]
# DATA (at most 60 MB) is what `python -m training.natural draw` wrote; without DATA/words the words
# stay those that ship. OUT gets states, logs, and in OUT/weights the files that ship. Called again,
# it goes on where it stopped. STEPS_WORDS, STEPS_ROBUST, STEPS_LOOKS, STEPS_LOOKS_WORDS and
# STEPS_GENERATOR say where the learning rates end; SECONDS_WORDS and so on how long each takes at
# most, SECONDS_ALL how long all may take with drawing pools and loading. Where there is no GPU,
# `--device cpu --small` tries it all. PYTHON chooses the interpreter.
set -eu
[ $# -ge 2 ] || { sed -n '2,3s/^# *//p' "$0" >&2; exit 2; }
data=$(cd "$1" && pwd)
mkdir -p "$2/weights"
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
bytes=$(find "$data" -type f -exec cat {} + | wc -c)
[ "$bytes" -le 60000000 ] || { echo "$data has more than 60 MB." >&2; exit 2; }
[ -d "$data/photographs" ] || {
    echo "$data has no pictures: draw them with python -m training.natural draw." >&2
    exit 2
}
whole=$(($(date +%s) + ${SECONDS_ALL:-530}))
cores=$(getconf _NPROCESSORS_ONLN)
[ "$cores" -le 16 ] || cores=16
[ -z "$small" ] || cores=1

left() { echo $((whole - $(date +%s))); }
natural() {
    # The limit is for a hang.
    limit=$(left)
    [ "$limit" -ge 30 ] || limit=30
    timeout "$limit" "$python" -m training.natural "$@"
}
# NAME SECONDS STEPS COMMAND...: a part gets up to 40 s more, as pools are drawn before its steps.
train() {
    name=$1 seconds=$2 steps=$3 began=$(date +%s)
    shift 3
    [ "$seconds" -le $(($(left) - 40)) ] || seconds=$(($(left) - 40))
    [ "$seconds" -gt 0 ] || { echo "$name: no time is left; call this again."; return; }
    natural "$@" --folder "$out" --device "$device" --steps "$steps" \
        --minutes "$(awk "BEGIN { print $seconds / 60 }")"
    echo "$name: $(($(date +%s) - began)) s"
}

perceptor=$out/weights/perceptor.pt classifier=$data/classifier.pt
if [ -d "$data/words" ]; then
    train words "${SECONDS_WORDS:-70}" "${STEPS_WORDS:-3000}" words --drawn "$data/words" $small
else
    echo "words: those that ship, as $data has none"
fi
if [ -f "$out/tower.pt" ]; then
    natural perceptor "$out/tower.pt" --into "$perceptor" --classifier "$classifier"
else
    cp engine/models/weights/natural/perceptor.pt "$perceptor"
fi
train robust "${SECONDS_ROBUST:-125}" "${STEPS_ROBUST:-1500}" robust --photos "$data/photographs" \
    --photos "$data/others" --classifier "$classifier" $small
[ ! -f "$out/robust.pt" ] || natural export-robust --folder "$out" --into "$perceptor"
train looks "${SECONDS_LOOKS:-45}" "${STEPS_LOOKS:-1500}" looks --photos "$data/photographs" \
    --paintings "$data/paintings" --paintings "$data/others" --threads "$cores" $small
[ ! -f "$out/looks.pt" ] || train looks-words "${SECONDS_LOOKS_WORDS:-40}" \
    "${STEPS_LOOKS_WORDS:-2400}" export-looks --perceptor "$perceptor" \
    --into "$out/weights/looks.pt"
train generator "${SECONDS_GENERATOR:-140}" "${STEPS_GENERATOR:-3300}" generator \
    --photos "$data/photographs" --photos "$data/others" --paintings "$data/paintings" \
    --classifier "$classifier" $small
[ ! -f "$out/natural.pt" ] ||
    natural export-generator --folder "$out" --into "$out/weights/generator.ckpt"
