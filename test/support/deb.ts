import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a small binary package with dpkg-deb at `path`. */
export function makeDeb(
  path: string,
  fields: Readonly<{ package: string; version: string; architecture: string; depends?: string }>,
  content = 'one\n',
): void {
  const folder = mkdtempSync(join(tmpdir(), 'deb-'));
  mkdirSync(join(folder, 'DEBIAN'));
  const control = {
    Package: fields.package,
    Version: fields.version,
    Architecture: fields.architecture,
    Maintainer: 'Nobody <nobody@example.org>',
    Description: 'made for a test',
    ...(fields.depends === undefined ? {} : { Depends: fields.depends }),
  };
  const lines = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(folder, 'DEBIAN/control'), lines.join(''));
  const own = join(folder, 'usr/share', fields.package);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'content'), content);
  try {
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', folder, path], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
