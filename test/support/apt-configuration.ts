import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A method that asks for apt's configuration, writes down what it is sent, and has no file of any name. */
const listener = `#!/bin/sh
printf '100 Capabilities\\nVersion: 1.2\\nSend-Config: true\\n\\n'
while IFS= read -r line; do
  printf '%s\\n' "$line" >> "$(dirname "$0")/seen"
  case $line in
    URI:*) printf '400 URI Failure\\n%s\\nMessage: no such file\\n\\n' "$line" ;;
  esac
done
`;

/** The bytes that the machine's own apt sends a method, with these lines in its configuration. */
export function configurationByApt(lines: string, env: Readonly<Record<string, string>> = {}): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'apt-method-'));
  try {
    const file = (name: string) => join(folder, name);
    // apt becomes nobody's user where that one cannot write.
    chmodSync(folder, 0o777);
    writeFileSync(file('intoto'), listener);
    chmodSync(file('intoto'), 0o755);
    writeFileSync(file('apt.conf'), `Dir::Bin::Methods "${folder}";\n${lines}\n`);
    try {
      execFileSync('/usr/lib/apt/apt-helper', ['download-file', 'intoto://localhost/file', file('to')], {
        env: { PATH: process.env.PATH ?? '', APT_CONFIG: file('apt.conf'), ...env },
        stdio: 'pipe',
      });
    } catch (error) {
      if (!String((error as { stderr?: Buffer }).stderr).includes('no such file')) throw error;
    }
    return readFileSync(file('seen'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
