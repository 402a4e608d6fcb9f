#!/bin/sh
# servers.sh - tests/tools/bench reads this: how to start each server, and how
# to end it. Fair settings for all: one worker, no logs, connections that may
# last for ever.
# Each NAME that is up has its process and its port in $tmp/NAME.to.
# shellcheck disable=SC2154 # tmp, files, pin_server, MAKE: set by the reader

# Some of them are where only root looks.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

here() { command -v "$1" >/dev/null 2>&1; }
absent() { echo "not here: $*"; }

# As root a server would become a user who may not read our files.
nginx_user='' h2o_user=''
[ "$(id -u)" -ne 0 ] || nginx_user='user root;' h2o_user='user: root'

# The process that was started with this name, and nothing else.
end() {
    [ -f "$tmp/$1.pid" ] || return 0
    kill "$(cat "$tmp/$1.pid")" 2>/dev/null
    wait "$(cat "$tmp/$1.pid")" 2>/dev/null
    rm -f "$tmp/$1.pid" "$tmp/$1.to"
}

end_all() {
    for file in "$tmp"/*.pid; do
        [ ! -f "$file" ] || end "$(basename "$file" .pid)"
    done
    rm -rf "$tmp"
}

# NAME COMMAND...: start it on the servers' core.
start() {
    name=$1
    shift
    # shellcheck disable=SC2086 # pin_server is several words, or none
    $pin_server "$@" >"$tmp/$name.log" 2>&1 &
    echo $! >"$tmp/$name.pid"
}

# NAME COMMAND...: a server that says "listening on" with its port.
begin() {
    start "$@"
    tries=0 port=
    while [ -z "$port" ] && [ $tries -lt 100 ]; do
        sleep 0.05
        port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$tmp/$1.log")
        tries=$((tries + 1))
    done
    [ -n "$port" ] && echo "$(cat "$tmp/$1.pid"):$port" >"$tmp/$1.to" && return
    absent "$1: $(head -n 1 "$tmp/$1.log")"
    end "$1"
}

# NAME PORT PATH COMMAND...: one that does not say. Its child does the work, if
# it has any. It is left out if it gives no good answer.
begin_at() {
    name=$1 port=$2 try=$3
    shift 3
    start "$name" "$@"
    sleep 0.3
    parent=$(cat "$tmp/$name.pid")
    child=
    [ "$name" != nginx ] || child=$(ps -A -o pid= -o ppid= |
        awk -v parent="$parent" '$2 == parent { print $1; exit }')
    echo "${child:-$parent}:$port" >"$tmp/$name.to"
    build/bench/bench --name try --out "$tmp/try.csv" --connections 1 \
        --rounds 1 --millis 10 --content "$files/hello" \
        "$name=${child:-$parent}:$port$try" 2>"$tmp/try.log" && return
    absent "$name: $(tail -n 1 "$tmp/try.log" | sed 's/.*answer: //');" \
        "$(head -n 1 "$tmp/$name.log")"
    end "$name"
}

# 06 and its kind. Clients may be silent for an hour.
begin_06() {
    name=$1 directory=$2
    shift 2
    [ -x "build/$directory/server" ] &&
        begin "$name" "build/$directory/server" --port 0 --timeout 3600 "$@"
}

# The echo servers. Not the one of 02: it never sleeps, and would take its half
# of the core from whoever is measured.
begin_echo() {
    begin 03 build/03-kqueue/server 0
    if [ "${IO:-}.$(uname)" = kqueue.Linux ]; then
        begin 05-kqueue build/05-unified/server 0
        return
    fi
    [ ! -x build/04-io_uring/server ] || begin 04 build/04-io_uring/server 0
    begin 05 build/05-unified/server 0
    [ ! -x build/05-unified-kqueue/server ] ||
        begin 05-kqueue build/05-unified-kqueue/server 0
}

begin_null() {
    [ "$(uname)" = Linux ] || { absent "null: epoll is Linux's"; return; }
    $MAKE -s -C tests/bench ../../build/bench/null_epoll || exit 1
    begin null build/bench/null_epoll
}

# The same with io_uring, if chapter 06 is built for it, and twice.
begin_null_io_uring() {
    [ "$(uname)" = Linux ] && [ -f "$tmp/06.to" ] || return 0
    $MAKE -s -C tests/bench ../../build/bench/null_io_uring \
        >"$tmp/null_io_uring.log" 2>&1 || {
        absent "null-uring: $(head -n 1 "$tmp/null_io_uring.log")"
        return
    }
    begin null-uring build/bench/null_io_uring
    begin null-multi build/bench/null_io_uring multishot
}

begin_go() {
    here go || { absent "go"; return; }
    $MAKE -s -C tests/bench ../../build/bench/go >"$tmp/go.log" 2>&1 ||
        { absent "go: $(head -n 1 "$tmp/go.log")"; return; }
    begin go env GOMAXPROCS=1 build/bench/go
}

begin_libuv() {
    pkg-config --exists libuv 2>/dev/null || { absent "libuv"; return; }
    $MAKE -s -C tests/bench ../../build/bench/libuv || exit 1
    begin libuv build/bench/libuv
}

begin_nginx() {
    here nginx || { absent "nginx"; return; }
    port=$(build/bench/bench --port)
    cat >"$tmp/nginx.conf" <<TEXT
$nginx_user
daemon off;
worker_processes 1;
error_log $tmp/nginx.err crit;
pid $tmp/nginx.lock;
events { worker_connections 15000; }
http {
    access_log off;
    default_type text/plain;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    send_timeout 3600s;
    client_body_temp_path $tmp/nginx.1;
    proxy_temp_path $tmp/nginx.2;
    fastcgi_temp_path $tmp/nginx.3;
    uwsgi_temp_path $tmp/nginx.4;
    scgi_temp_path $tmp/nginx.5;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location = /hello { return 200 "Hello, world\\n"; }
        location /copy/ { alias $files/; sendfile off; }
        location /send/ { alias $files/; sendfile on; }
    }
}
TEXT
    begin_at nginx "$port" /hello nginx -p "$tmp" -c "$tmp/nginx.conf"
}

begin_h2o() {
    here h2o || { absent "h2o"; return; }
    port=$(build/bench/bench --port)
    cat >"$tmp/h2o.conf" <<TEXT
num-threads: 1
max-connections: 15000
http1-request-timeout: 3600
$h2o_user
listen: { host: 127.0.0.1, port: $port }
hosts:
  default:
    paths:
      /: { file.dir: $files }
TEXT
    begin_at h2o "$port" /hello h2o -m worker -c "$tmp/h2o.conf"
}

begin_lighttpd() {
    here lighttpd || { absent "lighttpd"; return; }
    port=$(build/bench/bench --port)
    cat >"$tmp/lighttpd.conf" <<TEXT
server.document-root = "$files"
server.bind = "127.0.0.1"
server.port = $port
server.max-connections = 15000
server.max-fds = 16384
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
TEXT
    begin_at lighttpd "$port" /hello lighttpd -D -f "$tmp/lighttpd.conf"
}

begin_haproxy() {
    here haproxy || { absent "haproxy"; return; }
    port=$(build/bench/bench --port)
    cat >"$tmp/haproxy.conf" <<TEXT
global
    nbthread 1
    maxconn 1000
defaults
    mode http
    timeout client 3600s
    timeout server 3600s
    timeout connect 10s
    timeout http-keep-alive 3600s
frontend all
    bind 127.0.0.1:$port
    http-request return status 200 content-type text/plain file $files/hello
TEXT
    begin_at haproxy "$port" /hello haproxy -db -f "$tmp/haproxy.conf"
}
