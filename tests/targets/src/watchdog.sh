# Runs one program at a time for a test, and outlives the test to clean up after it.
#
# $1 is the private directory, $2 the signal that stops the program. Standard input is a pipe that
# only the test holds. A line with a number says how many lines follow: a program and its
# arguments, to be started; 0 stops what runs. When the pipe closes, because the test is done or
# was killed, the program is stopped and the directory removed.
#
# In the directory: `log` is what programs print, `pid` the program's, `ended` its exit code.
dir=$1 signal=$2 program=

start() {
    program=$(
        {
            "$@" </dev/null >>"$dir/log" 2>&1 &
            echo $!
            exec >&-
            wait $!
            echo $? >"$dir/ended.new" && mv "$dir/ended.new" "$dir/ended"
        } &
    )
    echo "$program" >"$dir/pid"
}

# 10 seconds, then no more asking.
stop() {
    [ -n "$program" ] || return 0
    tries=200
    [ -e "$dir/ended" ] || kill -s "$signal" "$program"
    while [ ! -e "$dir/ended" ] && kill -0 "$program" && [ $tries -gt 0 ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || kill -s KILL "$program"
        sleep 0.05
    done
    program=
}

while IFS= read -r count; do
    set --
    while [ "$count" -gt 0 ] && IFS= read -r word; do
        set -- "$@" "$word"
        count=$((count - 1))
    done
    if [ "$count" -gt 0 ]; then break; fi
    if [ $# -gt 0 ]; then start "$@"; else stop; fi
done
stop

# Children of a program that was killed may write a little longer.
tries=100
while ! rm -rf -- "$dir" && [ $tries -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
done
