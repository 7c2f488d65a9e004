#!/bin/sh
# The main job on sample_data/: scan, sign, approve, gate; then a poisoned version and a tampered file are blocked.
# Usage: sh examples/demo.sh [OUTPUT_FOLDER]   (poisonguard must be on PATH)
set -eu

data=$(cd "$(dirname "$0")/../sample_data" && pwd)
out=${1:-demo-out}
rm -rf "$out"
mkdir -p "$out"
cd "$out"
# For the demo only: keys that protect real data get a passphrase that nobody can read here.
POISONGUARD_PASSPHRASE="demo passphrase, never use it"
export POISONGUARD_PASSPHRASE

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() { # run EXPECTED_EXIT_CODE COMMAND...
    expected=$1
    shift
    printf '\033[36m$ %s\033[0m\n' "$(echo "$*" | sed "s|$data|sample_data|g")"
    code=0
    "$@" || code=$?
    if [ "$code" -ne "$expected" ]; then
        echo "demo: expected exit code $expected, got $code" >&2
        exit 1
    fi
}

title "1. Keys and people: Paula publishes and scans, Steven and Susan are stewards"
for person in root paula steven susan; do run 0 poisonguard keys new "$person.key"; done
run 0 poisonguard trust init --key root.key --person root=root.key.pub --person paula=paula.key.pub \
    --person steven=steven.key.pub --person susan=susan.key.pub \
    --role root=root --role publisher=paula --role scanner=paula --role steward=steven,susan

title "2. An approved version: scanned, signed, approved, let through the gate"
run 0 poisonguard scan "$data/reviews/approved" --name reviews --sign paula.key --quiet
run 0 poisonguard approve reviews@1 --key steven.key --reason "Looked at 50 rows, source is known"
run 0 poisonguard gate "$data/reviews/approved" --name reviews

title "3. The next version, poisoned: 2-3 % of the new reviews carry a trigger and a flipped label"
run 1 poisonguard scan "$data/reviews/next_poisoned_rare_token" --name reviews --sign paula.key \
    --report poisoned.html --report poisoned.json --report poisoned.sarif --flagged flagged.csv
run 5 poisonguard gate "$data/reviews/next_poisoned_rare_token" --name reviews

title "4. The next version as it should be: new reviews, nothing planted"
run 0 poisonguard scan "$data/reviews/next_clean" --name reviews --sign paula.key --quiet
run 0 poisonguard approve reviews --key susan.key --reason "Quarterly update, report is clean"
run 0 poisonguard gate "$data/reviews/next_clean" --name reviews

title "5. The approved data, with one file tampered with after approval"
cp -r "$data/reviews/next_clean" tampered
chmod -R u+w tampered
first=$(find tampered -name '*.jsonl' | sort | head -n 1)
sed '3s/a/e/' "$first" > edited && mv edited "$first"
run 6 poisonguard gate tampered --name reviews

title "6. A table: one airline's flights get their labels flipped"
run 0 poisonguard scan "$data/flights/approved" --name flights --sign paula.key --quiet
run 0 poisonguard approve flights@1 --key steven.key --reason "Official statistics, checked against the source"
run 1 poisonguard scan "$data/flights/next_poisoned_source_flips" --name flights --report flights.html --quiet
run 0 poisonguard scan "$data/flights/next_drifted" --name flights --quiet

title "7. Who did what"
run 0 poisonguard versions
run 0 poisonguard log audit

title "Summary"
cat <<TEXT
  approved reviews             passed the gate
  poisoned reviews             found by the scan, blocked by the gate (trigger and rows in flagged.csv)
  clean next reviews           passed the gate
  tampered file                blocked by the gate, file named
  poisoned flights             found by the scan
  drifted flights              reported as drift, not as poisoning
  HTML report                  $(pwd)/poisoned.html
TEXT
