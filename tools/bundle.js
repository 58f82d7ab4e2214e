// Bundles every program of daemons/ into build/lib (one file each, for a quick start) and lays out build/bin.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Name of the program in build/lib, and its entry. */
const programs = {
  orchestrator: 'daemons/orchestrator/main.ts',
  getter: 'daemons/getter/main.ts',
  rebuilder: 'daemons/rebuilder/main.ts',
  builder: 'daemons/builder/main.ts',
  attester: 'daemons/attester/main.ts',
  vault: 'daemons/vault/main.ts',
  'vault-keys': 'daemons/vault/keys/main.ts',
  reporter: 'daemons/reporter/main.ts',
  uploader: 'daemons/uploader/main.ts',
  webhook: 'daemons/webhook/main.ts',
  rebuilderctl: 'daemons/rebuilderctl/main.ts',
  broker: 'daemons/standalone/broker/main.ts',
  agent: 'daemons/standalone/agent/main.ts',
  line: 'daemons/standalone/line/main.ts',
  generate: 'tools/generate.ts',
  demo: 'test/demo/main.ts',
  bench: 'test/bench/main.ts',
};

const out = join(root, 'build');
const present = Object.entries(programs).filter(([, entry]) => existsSync(join(root, entry)));
await build({
  entryPoints: Object.fromEntries(present.map(([name, entry]) => [name, join(root, entry)])),
  outdir: join(out, 'lib'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['libsql'],
  // Bundled CommonJS modules still call require(); an ES module has none of its own.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
// The verifier's apt method is one file without a suffix, hence no ES module, for the Node of Debian 12.
await build({
  ...JSON.parse(readFileSync(join(root, 'tools/client-bundle.json'), 'utf8')),
  absWorkingDir: root,
  outfile: join(out, 'client/intoto'),
  banner: { js: '#!/usr/bin/node' },
});
chmodSync(join(out, 'client/intoto'), 0o755);
rmSync(join(out, 'client/intoto+https'), { force: true });
symlinkSync('intoto', join(out, 'client/intoto+https'));

mkdirSync(join(out, 'lib'), { recursive: true });
writeFileSync(join(out, 'lib', 'package.json'), '{ "type": "module" }\n');

// Scripts, read where they stand.
mkdirSync(join(out, 'lib/sandbox'), { recursive: true });
copyFileSync(join(root, 'daemons/vault/relay/relay.pl'), join(out, 'lib/vault-relay.pl'));
copyFileSync(join(root, 'daemons/lib/daemon/forker.pl'), join(out, 'lib/forker.pl'));
for (const name of [
  'sandbox/enter.sh',
  'sandbox/furnish.sh',
  'sandbox/descend.pl',
  'sandbox/settle.sh',
  'sandbox/init.pl',
  'line/reach.pl',
]) {
  copyFileSync(join(root, 'daemons/standalone', name), join(out, 'lib', name.replace('line/', '')));
}

const bin = join(out, 'bin');
mkdirSync(bin, { recursive: true });
writeFileSync(
  join(bin, 'rebuilderctl'),
  '#!/bin/sh\nexec node "$(dirname "$(readlink -f "$0")")/../lib/rebuilderctl.js" "$@"\n',
);
chmodSync(join(bin, 'rebuilderctl'), 0o755);
const client = join(root, 'daemons/standalone/qrexec-client-vm');
if (existsSync(client)) {
  copyFileSync(client, join(bin, 'qrexec-client-vm'));
  chmodSync(join(bin, 'qrexec-client-vm'), 0o755);
}
rmSync(join(out, 'qrexec'), { force: true, recursive: true });
symlinkSync('../qrexec', join(out, 'qrexec'));
