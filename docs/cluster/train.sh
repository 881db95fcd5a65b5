#!/bin/sh
# One worker of a training on several hosts: begins the run, or goes on with it. Every host calls it with the same
# arguments, again and again until it ends with 0 (or 2: the user's to mend):
#
#   WORKERS=2 ADDRESS=host%d:2222 INDEX=0 sh train.sh RUN --model=cyclegan --data_dir=DATA ...
#
# RUN and the data lie where all hosts see them. INDEX is by default JOB_COMPLETION_INDEX, of an indexed Job of
# Kubernetes, or the number at the end of the host's name, of a StatefulSet. %d in ADDRESS stands for each worker's.
set -eu
run=$1
shift
index=${INDEX:-${JOB_COMPLETION_INDEX:-${HOSTNAME##*-}}}
addresses=
i=0
while [ "$i" -lt "$WORKERS" ]; do
    # shellcheck disable=SC2059  # ADDRESS is the format
    addresses="$addresses${addresses:+, }\"$(printf "$ADDRESS" "$i")\""
    i=$((i + 1))
done
export TF_CONFIG="{\"cluster\": {\"worker\": [$addresses]}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
if [ -e "$run/config.json" ]; then
    exec tfi2i train --resume="$run" --quiet
fi
exec tfi2i train --run="$run" --quiet "$@"
