#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# noslate-sim: workloads, errors, reports, records. Traces are small ones of its own.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

SIM=$B/noslate-sim
[ -x "$SIM" ] || skip "$SIM is not built"
cd "$TMP"

# azure DIR: three functions of two owners; the last two share an app of 300 MB.
azure() {
	mkdir -p "$1"
	{
		printf 'HashFunction,HashApp,HashOwner%s\n' "$(printf ',minute_%d' $(seq 10))"
		printf 'f1,a1,o1%s\n' "$(printf ',%d' 5 0 5 0 5 0 5 0 5 0)"
		printf 'f2,a2,o2%s\n' "$(printf ',%d' 60 60 60 60 60 60 60 60 60 60)"
		printf 'f3,a2,o2%s\n' "$(printf ',%d' 0 0 0 0 0 0 0 0 0 100)"
	} >"$1/day_inv.csv"
	{
		echo HashFunction,HashApp,HashOwner,Count,Average,Minimum,Maximum,percentile_Average_0,percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,percentile_Average_100
		echo f1,a1,o1,25,100,100,100,100,100,100,100,100,100,100
		echo f2,a2,o2,600,50,10,900,10,12,20,30,50,400,900
		echo f3,a2,o2,100,50,10.0,900.5,10,12,20,30,50,400,900.5
	} >"$1/day_run.csv"
	{
		echo HashApp,HashOwner,SampleCount,AverageAllocatedMb,AverageAllocatedMb_pct50
		echo a1,o1,5,100,100
		echo a2,o2,5,300,300
	} >"$1/day_mem.csv"
}
# broken FILE SED-SCRIPT PATTERN: a trace that is changed so is refused with one sentence.
broken() {
	rm -rf bad
	azure bad
	sed -i "$2" "bad/day_$1.csv"
	fails "$3" "$SIM" --azure-2019 bad
}
json() { "$SIM" --json "$@"; }

# --- the command line ---
for word in $("$SIM" __complete ''); do
	"$SIM" --help | grep -q -- "^  $word " || fail "the help does not name '$word'"
done
eq "$("$SIM" __complete --policy '' | xargs)" "turf keep-alive kpa lambda"
eq "$("$SIM" __complete --synthetic '' | xargs)" "poisson burst diurnal greedy"
eq "$("$SIM" __complete --html '' | wc -l)" 0
matches "$("$SIM" --version)" '^noslate-sim [0-9]'
fails "expected a workload" "$SIM"
fails "'--jsn' is not known" "$SIM" --jsn
fails "'day' is not known" "$SIM" day
fails "--seed: expected N behind it" "$SIM" --seed
fails "--json takes no value" "$SIM" --json=yes
fails "more than one workload" "$SIM" --synthetic burst --azure-2019 x
fails "expected poisson, burst, diurnal or greedy" "$SIM" --synthetic bursts
fails "no key 'functoins'" "$SIM" --synthetic burst:functoins=3
fails "duration '5': expected a duration" "$SIM" --synthetic burst:duration=5
fails "expected turf, keep-alive, kpa or lambda" "$SIM" --synthetic burst --policy best
fails "min is more than max" "$SIM" --synthetic burst --policy turf:min=2,max=1
fails "--minutes '5-2'" "$SIM" --synthetic burst --minutes 5-2
fails "minute 61: there are 60" "$SIM" --synthetic burst --minutes 1-61
fails "no request in minutes 1 to 1" "$SIM" --synthetic burst --minutes 1-1
fails "--memory '5X': expected bytes" "$SIM" --synthetic burst --memory 5X
fails "--scale-duration '-1'" "$SIM" --synthetic burst --scale-duration -1
fails "--start-p99-ms 1 is less" "$SIM" --synthetic burst --start-ms 2 --start-p99-ms 1
fails "takes one --policy" "$SIM" --synthetic burst --record x
fails "stands alone" "$SIM" --replay x --json
fails "open 'no/such'" "$SIM" --synthetic burst --policy turf --record no/such
fails "No such file" "$SIM" --synthetic burst --html no/such

# --- traces that are wrong ---
fails "neither 'none_inv.csv' nor 'none_inv.csv.gz' is there" "$SIM" --azure-2019 none
mkdir empty
fails "no file ends in '_inv.csv'" "$SIM" --azure-2019 empty
broken inv 's/HashOwner/Owner/' "bad/day_inv.csv:1: no column 'HashOwner'"
broken inv 's/minute_1,/minute_x,/' "bad/day_inv.csv:1: no column 'minute_1'"
broken inv '3s/,60/,-60/' "bad/day_inv.csv:3: column 'minute_1' has '-60', which is no whole number"
broken inv '3s/,60$/,1e9/' "bad/day_inv.csv:3: column 'minute_10' has '1e9'"
broken inv '2s/,0$//' "bad/day_inv.csv:2: 12 columns where the first line has 13"
broken inv '3s/^f2/f1/' "bad/day_inv.csv:3: 'f1' is there already"
broken inv '4s/^f3/f4/' "bad/day_inv.csv:4: 'f4' is not in 'bad/day_run.csv'"
broken inv '4s/,a2/,a9/' "bad/day_inv.csv:4: 'a9' is not in 'bad/day_mem.csv'"
broken inv '2,$d' "bad/day_inv.csv: no rows"
broken inv '2,$s/,[0-9]*/,0/3g' "no request in minutes 1 to 10"
broken run '3s/,30,/,-30,/' "bad/day_run.csv:3: column 'percentile_Average_50' has '-30', which is negative"
broken run '3s/,30,/,60,/' "bad/day_run.csv:3: a percentile is below the one before"
broken mem '2s/,100$/,x/' "bad/day_mem.csv:2: column 'AverageAllocatedMb_pct50' has 'x'"
broken mem '2s/.*/"a1"/' "bad/day_mem.csv:2: quoted"
azure good
gzip -k good/day_inv.csv
mkdir cut
cp good/day_run.csv good/day_mem.csv cut/
head -c 60 good/day_inv.csv.gz >cut/day_inv.csv.gz
fails "cut/day_inv.csv.gz: the packed data end early" "$SIM" --azure-2019 cut
printf 'app,func,end_timestamp,duration\na,f,1.5,-2\n' >2021.csv
fails "2021.csv:2: column 'duration' has '-2', which is negative" "$SIM" --azure-2021 2021.csv
printf 'app,func,end_timestamp\n' >2021.csv
fails "2021.csv:1: no column 'duration'" "$SIM" --azure-2021 2021.csv
printf 'app,func,end_timestamp,duration\n' >2021.csv
fails "2021.csv: no rows" "$SIM" --azure-2021 2021.csv
fails "Is a directory" "$SIM" --azure-2021 empty

# --- traces that are right, packed and unpacked, by directory and by prefix ---
json --azure-2019 good >plain.json
eq "$(jq -c '.workload | [.functions, .tenants, .minutes, .requests]' plain.json)" "[3,2,10,725]"
eq "$(jq '[.policies[] | .sent + .waitingAtEnd == .requests] | all' plain.json)" true
same() { jq -S 'del(.policies[].speed, .workload.source)' "$1"; }
rm good/day_inv.csv
gzip good/day_run.csv
json --azure-2019 good/day >packed.json
eq "$(same packed.json)" "$(same plain.json)" "of packed files"
eq "$(json --azure-2019 good --minutes 10-10 | jq .workload.requests)" 160
# The app's memory is shared: two of its workers take 300 MB.
eq "$(json --azure-2019 good --minutes 2-2 --policy turf:max=1 | jq '.policies[0].peakMemory')" $((150 << 20))
printf 'app,func,end_timestamp,duration\na,f,1.5,1\na,g,130.25,0.5\nb,f,0.1,0.2\n' >2021.csv
json --azure-2021 2021.csv --policy turf >2021.json
eq "$(jq -c '.workload | [.functions, .tenants, .minutes, .requests]' 2021.json)" "[3,2,3,3]"
eq "$(jq '.policies[0].busySeconds * 10 | round' 2021.json)" 17

# --- the same again, and not the same with another seed ---
json --synthetic diurnal:minutes=120 >a.json
json --synthetic diurnal:minutes=120 >b.json
json --synthetic diurnal:minutes=120 --seed 2 >c.json
eq "$(same a.json)" "$(same b.json)" "of a second run"
[ "$(same a.json)" != "$(same c.json)" ] || fail "the seed changes nothing"
eq "$(jq -c '[.policies[].name]' a.json)" '["turf","keep-alive","kpa","lambda"]'
eq "$(jq '[.policies[].requests] | unique | length' a.json)" 1
eq "$(jq '[.policies[] | .speed.eventsPerSecond > 0 and .wasteRatio < 1] | all' a.json)" true

# --- tables and pages ---
"$SIM" --synthetic poisson:minutes=2 >table 2>err
eq "$(wc -c <err)" 0 "progress in a pipe"
! grep -q "$(printf '\033')" table || fail "colours in a pipe"
matches "$(cat table)" '^instance-seconds +[0-9]'
for i in $(seq 12); do set -- "$@" --policy "turf:idle=${i}s"; done
"$SIM" --synthetic poisson:minutes=2 "$@" >table
eq "$(wc -L <table | awk '{print ($1 <= 100)}')" 1 "width of a table of 12"
set --
printf 'app,func,end_timestamp,duration\na,f,1.5,1\n' >'<script>.csv'
"$SIM" --azure-2021 '<script>.csv' --html page.html >/dev/null
eq "$(grep -o '<script' page.html | wc -l)" 1 "scripts of the page"
! grep -E '(src|href)=|https?://[^w]' page.html || fail "the page would load that"
sed -n 's/^const data = \(.*\);$/\1/p' page.html >page.json
eq "$(jq '.policies | length' page.json)" 4
eq "$(jq '[.policies[] | .workers | length] | unique[0]' page.json)" 1

# --- records ---
"$SIM" --synthetic greedy:minutes=2,flood=50 --starting 2 --policy turf:idle=2s --record r.jsonl >/dev/null
jq -e . r.jsonl >/dev/null || fail "the record is no JSON"
matches "$("$SIM" --replay r.jsonl)" '^[0-9]+ events, [0-9]+ decisions, all the same$'
line=$(grep -n '"out":"send"' r.jsonl | sed -n '100s/:.*//p')
sed "${line}s/\"worker\":[0-9]*/\"worker\":999999/" r.jsonl >changed.jsonl
fails "changed.jsonl:$line: recorded: send request [0-9]+ to worker 999999; now: send request" "$SIM" --replay changed.jsonl
sed "${line}d" r.jsonl >changed.jsonl
fails "changed.jsonl:[0-9]+: recorded: .*; now: send request" "$SIM" --replay changed.jsonl
sed '/"idle":2000000000/s//"idle":1000000000/' r.jsonl >changed.jsonl
fails "changed.jsonl:[0-9]+: recorded: .*; now: " "$SIM" --replay changed.jsonl
echo '{}' >empty.jsonl
fails "empty.jsonl:1: no record of a policy" "$SIM" --replay empty.jsonl
fails "open 'none'" "$SIM" --replay none
# A record that cannot be written is no record.
fails "write '/dev/full': No space left" "$SIM" --synthetic burst --policy turf --record /dev/full
