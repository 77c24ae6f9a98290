#!/usr/bin/env bash
# Snakemake 9.27.1: an output that is made again with the same bytes re-runs what depends on it, or not,
# by whether both happen in one command.
#
# Snakemake compares checksums of small files, so that a file that was only touched re-runs nothing. A
# file that another job of the same run makes again is not compared: what depends on it is planned
# and runs, though the bytes are the same. When the first job runs by a command of its own, the second
# command has nothing to do.
#
# Output seen: the two lines that are compared at the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check snakemake==9.27.1 2>/dev/null
cat > "$folder/Snakefile" <<'SNAKEFILE'
rule all:
    input: "large.txt"

rule list:
    input: "source.txt"
    output: "list.txt"
    shell: "wc -l < {input} > {output}"

rule large:
    input: "list.txt"
    output: "large.txt"
    shell: "cat {input} > {output}; echo ran >> log.txt"
SNAKEFILE
cd "$folder"
run() { "$folder/venv/bin/snakemake" --cores 1 --quiet all -- "$@" >/dev/null 2>&1; }
# Same number of lines, other words: the list comes out the same to the byte.
edit() { sleep 1.1; printf '%s\n' "$1" > source.txt; }
edit first; run
: > log.txt; edit second; run
echo "one command: $(wc -l < log.txt) downstream jobs" > seen
: > log.txt; edit third; run list.txt; run
echo "two commands: $(wc -l < log.txt) downstream jobs" >> seen
cat seen
diff seen - <<'EXPECTED'
one command: 1 downstream jobs
two commands: 0 downstream jobs
EXPECTED
