#!/bin/sh
# Puts the hashes of the passwords into the access list, in memory, and becomes Redis.
set -eu
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
sed \
  -e "s/#WEBHOOK_GATEWAY /#$(hash "$WEBHOOK_GATEWAY_REDIS_PASSWORD") /" \
  -e "s/#COMMAND_API /#$(hash "$COMMAND_API_REDIS_PASSWORD") /" \
  -e "s/#EXECUTION_WORKER /#$(hash "$EXECUTION_WORKER_REDIS_PASSWORD") /" \
  -e "s/#PROJECTOR /#$(hash "$PROJECTOR_REDIS_PASSWORD") /" \
  -e "s/#QUERY_API /#$(hash "$QUERY_API_REDIS_PASSWORD") /" \
  "$(dirname "$0")/users.acl" > /tmp/users.acl
exec redis-server --aclfile /tmp/users.acl --dir /data --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction "$@"
