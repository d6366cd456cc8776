/**
 * Brings programs of the system that are missing, by apt as root or with a sudo that asks nothing; else says in one line what to
 * install. Never leaves a service of theirs running: what is tested starts its own.
 */
import { captured, isThere } from './process.mjs';

/**
 * Debian starts a service when it installs one. policy-rc.d forbids that for the while; where systemd runs, what came is
 * not started at the next boot either.
 */
const INSTALL = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=120 -q update
apt-get -o DPkg::Lock::Timeout=120 -q -y install --no-install-recommends "$@"
if [ -d /run/systemd/system ]; then
  for service in "$@" $SERVICES; do systemctl disable --now "$service" 2>/dev/null || true; done
fi
`;

/** Installs what is missing of `needs`. @throws Error with one line that says what to install by hand. */
export function installMissing(needs) {
  const missing = needs.filter(({ programs }) => !programs.some(isThere));
  if (missing.length === 0) return;
  const packages = packagesOf(missing);
  const services = missing.flatMap(({ services = [] }) => services).join(' ');
  const root = rootPrefix();
  if (root === undefined || !isThere('apt-get')) throw new Error(byHand(missing));
  process.stderr.write(`setup: installing ${packages.join(', ')} (apt-get)\n`);
  const [program, ...args] = [...root, 'env', `SERVICES=${services}`, 'sh', '-c', INSTALL, 'sh', ...packages];
  const { status, output } = captured(program, args);
  const stillMissing = missing.filter(({ programs }) => !programs.some(isThere));
  if (status !== 0 || stillMissing.length > 0) throw new Error(`${output.trim()}\n${byHand(missing)}`);
}

function packagesOf(needs) {
  return needs.flatMap(({ debian, with: others = [] }) => [debian, ...others]);
}

/** What makes a command run as root; undefined where nothing does. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return isThere('sudo') && captured('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function byHand(missing) {
  const packages = packagesOf(missing).join(' ');
  const programs = missing.map(({ programs: [first] }) => first).join(', ');
  return `${programs} is missing and cannot be installed from here: install it (Debian, Ubuntu: sudo apt-get install ${packages}; elsewhere the package that brings it), then run this again`;
}
