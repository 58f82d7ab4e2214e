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
  'rebuilder-keys': 'daemons/vault/keys/main.ts',
  reporter: 'daemons/reporter/main.ts',
  uploader: 'daemons/uploader/main.ts',
  webhook: 'daemons/webhook/main.ts',
  'webhook-hooks': 'daemons/webhook/hooks/main.ts',
  rebuilderctl: 'daemons/rebuilderctl/main.ts',
  broker: 'daemons/standalone/broker/main.ts',
  agent: 'daemons/standalone/agent/main.ts',
  line: 'daemons/standalone/line/main.ts',
};
/** What only a checkout has. */
const checkoutPrograms = {
  generate: 'tools/generate.ts',
  'source-tree': 'tools/packaging/source-tree.ts',
  demo: 'test/demo/main.ts',
  bench: 'test/bench/main.ts',
};

const out = join(root, 'build');
const options = {
  absWorkingDir: root,
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
};
const { metafile } = await build({ ...options, entryPoints: programs, metafile: true });
const present = Object.entries(checkoutPrograms).filter(([, entry]) => existsSync(join(root, entry)));
if (present.length > 0) await build({ ...options, entryPoints: Object.fromEntries(present) });
// The verifier's apt method is one file without a suffix, hence no ES module, for the Node of Debian 12.
const client = await build({
  ...JSON.parse(readFileSync(join(root, 'tools/client-bundle.json'), 'utf8')),
  absWorkingDir: root,
  metafile: true,
  outfile: join(out, 'client/intoto'),
  banner: { js: '#!/usr/bin/node' },
});
chmodSync(join(out, 'client/intoto'), 0o755);
rmSync(join(out, 'client/intoto+https'), { force: true });
symlinkSync('intoto', join(out, 'client/intoto+https'));

/** Folders of the npm modules that the product's bundles hold, nested ones by their whole path. */
const bundled = [metafile, client.metafile]
  .flatMap(({ inputs }) => Object.keys(inputs))
  .flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []);
writeFileSync(join(out, 'bundled-modules.json'), JSON.stringify([...new Set(bundled)].sort()));
writeFileSync(join(out, 'lib', 'package.json'), '{ "type": "module" }\n');

// Scripts, read where they stand.
mkdirSync(join(out, 'lib/sandbox'), { recursive: true });
const scripts = {
  'daemons/vault/relay/relay.pl': 'vault-relay.pl',
  'daemons/lib/daemon/forker.pl': 'forker.pl',
  'daemons/standalone/line/reach.pl': 'reach.pl',
  'daemons/standalone/uplink/uplink.sh': 'uplink',
  'daemons/standalone/uplink/host-call.sh': 'host-call',
  ...Object.fromEntries(
    ['enter.sh', 'furnish.sh', 'descend.pl', 'settle.sh', 'init.pl'].map((name) => [
      `daemons/standalone/sandbox/${name}`,
      `sandbox/${name}`,
    ]),
  ),
};
for (const [from, to] of Object.entries(scripts)) {
  copyFileSync(join(root, from), join(out, 'lib', to));
  const isProgram = readFileSync(join(root, from), 'latin1').startsWith('#!');
  chmodSync(join(out, 'lib', to), isProgram ? 0o755 : 0o644);
}

const bin = join(out, 'bin');
mkdirSync(bin, { recursive: true });
for (const name of ['rebuilderctl', 'rebuilder-keys']) {
  writeFileSync(
    join(bin, name),
    `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
[ -e "$here/${name}.js" ] || here=$here/../lib
exec node "$here/${name}.js" "$@"
`,
  );
  chmodSync(join(bin, name), 0o755);
}
copyFileSync(join(root, 'daemons/standalone/qrexec-client-vm'), join(bin, 'qrexec-client-vm'));
chmodSync(join(bin, 'qrexec-client-vm'), 0o755);
rmSync(join(out, 'qrexec'), { force: true, recursive: true });
symlinkSync('../qrexec', join(out, 'qrexec'));
