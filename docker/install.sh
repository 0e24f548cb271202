#!/bin/sh
# Installs plimsoll as a service of this machine, or brings an installed one up to date. May be run again.
set -eu

prefix=/opt/plimsoll
command=/usr/local/bin/plimsoll
config=/etc/plimsoll
state=/var/lib/plimsoll
slots=/var/lib/plimsoll-slots
units=/etc/systemd/system
kernel=/etc/sysctl.d/60-plimsoll.conf
node_version=24

usage() {
  cat <<'USAGE'
usage: install.sh [--from PACKAGE]   install or update; PACKAGE is an npm version (plimsoll@1.2.3, the
                                     default is plimsoll@latest) or a tarball (./plimsoll-1.2.3.tgz)
       install.sh --uninstall        remove program and service; configuration, state and apps stay
       install.sh --uninstall --purge
                                     remove configuration and state as well, with the keys that stand in
                                     /etc/plimsoll: without a copy of the identity no secret in git opens
                                     any more; apps stay, and so does what Caddy needs to reach them
       install.sh --help

It needs root and npm. It installs to /opt/plimsoll, with a Node of its own, and leaves this machine's Node as it
is. A configuration that stands in /etc/plimsoll is never changed.
USAGE
}

main() {
  from=plimsoll@latest
  uninstall=no
  purge=no
  while [ $# -gt 0 ]; do
    case $1 in
      --from)
        [ $# -ge 2 ] || refuse 64 '--from needs a package'
        from=$2
        shift
        ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        exit 64
        ;;
    esac
    shift
  done
  [ "$(id -u)" = 0 ] || refuse 4 'this needs root: sudo sh install.sh'
  if [ "$uninstall" = yes ]; then
    remove_all
  elif [ "$purge" = yes ]; then
    refuse 64 '--purge goes with --uninstall'
  else
    install_all
  fi
}

install_all() {
  command -v npm >/dev/null || refuse 3 'npm is missing: install Node (Debian: apt-get install nodejs npm)'
  getent group docker >/dev/null ||
    refuse 3 'there is no group docker: install the engine first (Debian: apt-get install docker.io)'
  install_program
  add_user
  write_config
  keep_connections
  write_service
}

install_program() {
  say "installing $from and Node $node_version to $prefix"
  mkdir -p "$prefix"
  case $from in
    *.tgz | *.tar.gz)
      [ -f "$from" ] || refuse 2 "there is no file $from"
      from=$(cd "$(dirname "$from")" && pwd)/$(basename "$from")
      ;;
  esac
  # The package of Node fetches Node when it is installed, which npm 12 lets only those do that are named.
  [ -e "$prefix/package.json" ] || echo '{"private": true}' >"$prefix/package.json"
  (cd "$prefix" && npm pkg set --json allowScripts.node=true)
  npm install --prefix "$prefix" --omit=dev --no-audit --no-fund --loglevel=error -- "$from" "node@$node_version"
  # Whole or not at all: the service may be starting at this moment.
  cat >"$command.new" <<COMMAND
#!/bin/sh
exec $prefix/node_modules/.bin/node $prefix/node_modules/plimsoll/src/plimsoll.js "\$@"
COMMAND
  chmod 0755 "$command.new"
  mv -f "$command.new" "$command"
  "$command" version
}

add_user() {
  if ! getent passwd plimsoll >/dev/null; then
    say 'adding the system user plimsoll'
    useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin plimsoll
  fi
  install -d -o plimsoll -g plimsoll -m 0700 "$state"
  # Beside the state directory and not in it: Caddy, another user, reads which container of an app serves.
  install -d -o plimsoll -g plimsoll -m 0755 "$slots"
}

write_config() {
  install -d -o root -g plimsoll -m 0750 "$config"
  [ -e "$config/plimsoll.yaml" ] && return
  say "writing $config/plimsoll.yaml"
  install -o root -g plimsoll -m 0640 "$prefix/node_modules/plimsoll/docker/plimsoll.yaml" "$config/plimsoll.yaml"
}

# Those that are being made when Caddy loads other routes.
keep_connections() {
  say "installing $kernel"
  install -D -m 0644 "$prefix/node_modules/plimsoll/docker/sysctl-plimsoll.conf" "$kernel"
  sysctl -q -p "$kernel" || say 'not in force yet: see plimsoll doctor'
}

write_service() {
  if ! has_systemd; then
    say "no systemd here. Start it by whatever starts services: $command controller"
    return
  fi
  say "installing $units/plimsoll.service"
  install -m 0644 "$prefix/node_modules/plimsoll/docker/plimsoll.service" "$units/plimsoll.service"
  if [ -x /usr/bin/caddy ] && systemctl cat caddy.service >/dev/null 2>&1; then let_caddy_resume; fi
  systemctl daemon-reload
  if grep -q 'git\.example\.com' "$config/plimsoll.yaml"; then
    say "say in $config/plimsoll.yaml where the config repo is, then: systemctl enable --now plimsoll"
  else
    systemctl enable plimsoll
    systemctl restart plimsoll
    say 'plimsoll runs: journalctl -u plimsoll, plimsoll status'
  fi
}

let_caddy_resume() {
  drop_in=$units/caddy.service.d/plimsoll.conf
  if cmp -s "$prefix/node_modules/plimsoll/docker/caddy-plimsoll.conf" "$drop_in"; then return; fi
  say "installing $drop_in, and restarting Caddy for it"
  install -d -m 0755 "$units/caddy.service.d"
  install -m 0644 "$prefix/node_modules/plimsoll/docker/caddy-plimsoll.conf" "$drop_in"
  systemctl daemon-reload
  systemctl try-restart caddy.service
}

remove_all() {
  if has_systemd; then
    systemctl disable --now plimsoll.service 2>/dev/null || true
    rm -f "$units/plimsoll.service" "$units/caddy.service.d/plimsoll.conf"
    rmdir "$units/caddy.service.d" 2>/dev/null || true
    systemctl daemon-reload
  fi
  rm -rf "$prefix" "$command" "$kernel"
  if [ "$purge" = yes ]; then
    rm -rf "$config" "$state"
    remove_slots
    if getent passwd plimsoll >/dev/null; then userdel plimsoll; fi
    say 'plimsoll is removed, with its configuration and state. Apps that it started go on.'
  else
    say "plimsoll is removed. $config, $state and the apps that it started stay."
  fi
}

# Without its flag a replica's traffic goes to the other address of its pair, where perhaps nothing listens.
remove_slots() {
  for flag in "$slots"/*; do
    if [ -e "$flag" ]; then
      say "$slots stays: Caddy reads there which containers serve. Remove it when the apps are gone."
      return
    fi
  done
  rm -rf "$slots"
}

has_systemd() {
  [ -d /run/systemd/system ]
}

say() {
  printf '%s\n' "$*"
}

refuse() {
  code=$1
  shift
  printf 'install.sh: %s\n' "$*" >&2
  exit "$code"
}

main "$@"
