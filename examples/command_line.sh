#!/usr/bin/env bash
# The `imagine` command: paint, film, paint the same again, edit.
#
#   examples/command_line.sh
#   examples/command_line.sh --model drawn --size 128x128     # options for every picture
#
# The pictures go into the folder pictures/ of the current folder. `imagine --help` has all options.
set -euo pipefail
mkdir -p pictures

# A prompt is enough. With a seed, the same command paints the same picture again, bit for bit.
imagine "a lighthouse on a cliff" --seed 7 -o pictures/lighthouse.png "$@"

# --video films how it came to be; "+" adds prompts, ":0.5" gives one half the weight.
imagine "a lighthouse on a cliff + a stormy sea:0.5" --seed 7 \
    --video pictures/storm.mp4 -o pictures/storm.png "$@"

# With --init-image it edits: strength 0 keeps the original, 1 ignores it.
imagine "a lighthouse at night" --init-image pictures/lighthouse.png --strength 0.5 --seed 7 \
    -o pictures/night.png "$@"
