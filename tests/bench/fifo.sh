#!/bin/sh
# FIFO send and life-cycle rates for some numbers of groups, with standard queues beside them. Each run has a server and
# a data directory of its own, so that none pays for the compactions of another. See README.md.
#
#   tests/bench/fifo.sh [SECONDS] [CONNECTIONS]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-6}
connections=${2:-64}
endpoint=http://127.0.0.1:9399
server=

stop() {
    [ -z "$server" ] || { kill "$server"; wait "$server" || true; rm -rf "$data" "$data.log" "$data.out"; }
    server=
}
trap stop EXIT

run() { # name, attributes, mode, batch, groups
    data=$(mktemp -d)
    target/release/sluice dev --data "$data" --listen 127.0.0.1:9399 2>"$data.log" &
    server=$!
    until curl -sf "$endpoint/ready" >/dev/null; do sleep 0.1; done
    curl -sf "$endpoint/" -H 'Content-Type: application/x-amz-json-1.0' -H 'X-Amz-Target: AmazonSQS.CreateQueue' \
        -d "{\"QueueName\":\"$1\",\"Attributes\":$2}" >/dev/null
    QUEUE_URL=$endpoint/000000000000/$1 MODE=$3 BATCH=$4 GROUP_COUNT=$5 \
        wrk -t1 -c"$connections" -d"${seconds}s" --latency -s tests/bench/load.lua "$endpoint" >"$data.out"
    grep 'first failure' "$data.out" || true
    rate=$(awk '/Requests\/sec/ { print $2 }' "$data.out")
    half=$(awk '/^ *50% / { print $2 }' "$data.out")
    tail=$(awk '/^ *99% / { print $2 }' "$data.out")
    printf '%-6s batch %-2s groups %-7s %10s requests/s  p50 %-9s p99 %s\n' "$3" "$4" "$5" "$rate" "$half" "$tail"
    stop
}

fifo='{"FifoQueue":"true","DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId"}'
for mode in send cycle; do
    for batch in 1 10; do
        run standard '{}' "$mode" "$batch" 0
        for groups in 1 100 100000; do
            run queue.fifo "$fifo" "$mode" "$batch" "$groups"
        done
    done
done
