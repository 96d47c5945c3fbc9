#!/bin/sh
# Makes docker/.env (or the file named) from .env.example, with fresh random secrets. An .env that is there stays as it is.
set -eu
here=$(dirname "$0")
target=${1:-$here/.env}
if [ -e "$target" ]; then
  echo "$target is there already: remove it first if its secrets are no longer wanted." >&2
  exit 1
fi
command -v openssl > /dev/null || { echo "openssl is needed to make secrets." >&2; exit 1; }
umask 077
while IFS= read -r line; do
  case $line in
    SUPABASE_SERVICE_KEY=) echo "$line" ;; # the project's own
    *_PASSWORD= | *_KEY=) echo "$line$(openssl rand -hex 24)" ;;
    ENCRYPTION_KEYS=) echo "${line}k1:$(openssl rand -base64 32)" ;;
    SLUICE_BOOTSTRAP_TENANT_ID=) echo "$line$(openssl rand -hex 16 | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/\1-\2-4\3-8\4-\5/')" ;;
    *) echo "$line" ;;
  esac
done < "$here/.env.example" > "$target"
echo "$target holds this installation's secrets. Keep a copy of ENCRYPTION_KEYS elsewhere."
