import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.ts';

const folder = fileURLToPath(new URL('../docker/', import.meta.url));
const config = loadConfig({ file: join(folder, 'plimsoll.yaml'), env: {} });

interface Service {
  readonly volumes: readonly string[];
  readonly network_mode: string;
}

test('the configuration is one that the controller takes', () => {
  assert.is(config.stateDir, '/var/lib/plimsoll');
  assert.is(config.docker.subnet, '10.217.0.0/16');
  assert.is(config.caddy.manage, 'none');
});

test('the slots lie beside the state directory, which is closed to Caddy', () => {
  assert.is(config.caddy.slots, `${config.stateDir}-slots`);
});

test('both containers see the slots under the path of the configuration, and only one may write', () => {
  const { services } = parse(text('compose.yaml')) as { services: Record<string, Service> };
  const { slots } = config.caddy;
  assert.ok(services.controller?.volumes.includes(`slots:${slots}`));
  assert.ok(services.controller?.volumes.includes(`state:${config.stateDir}`));
  assert.ok(services.caddy?.volumes.includes(`slots:${slots}:ro`));
  assert.equal(
    Object.values(services).map((service) => service.network_mode),
    ['host', 'host'],
  );
});

test('image, unit and install script prepare the same folders', () => {
  const { stateDir, caddy } = config;
  assert.match(text('Dockerfile'), `-m 0700 ${stateDir} `);
  assert.match(text('Dockerfile'), `-m 0755 ${caddy.slots}\n`);
  assert.match(text('plimsoll.service'), `ReadWritePaths=${caddy.slots}\n`);
  assert.match(text('plimsoll.service'), 'StateDirectory=plimsoll\nStateDirectoryMode=0700\n');
  assert.match(text('install.sh'), `state=${stateDir}\nslots=${caddy.slots}\n`);
  assert.match(text('install.sh'), '-m 0755 "$slots"\n');
});

function text(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

test.run();
