#!/bin/sh
# A made-up semester, its views, and a look at a few of them.
set -eu
rm -rf demo/master demo/views

learnfold generate demo/master --events 200000 --seed 7 --duplicates 0.01 --malformed 0.001
learnfold run demo/master demo/views
for look in \
    "auth_daily_active_users --limit 5" \
    "video_popularity --sort -unique_viewers --limit 5" \
    "video_drop_off_indicators --sort avg_watch_duration --limit 5" \
    "notification_click_through_rate"; do
    set -- $look
    view=$1; shift
    printf '\n$ learnfold show %s demo/views %s\n' "$view" "$*"
    learnfold show "$view" demo/views "$@"
done
command=$(command -v learnfold)
command=${command#"$PWD/"} # as it is called here
printf '\nAll views: %s views. Run it again: %s run demo/master demo/views\n' "$command" "$command"
printf 'The dashboard of this semester: make demo-serve, then http://127.0.0.1:8080/c/CS101\n'
