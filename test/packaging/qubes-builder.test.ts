import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../daemons/lib/daemon/program.ts';
import { sha256Of } from '../../daemons/lib/objects/sha256.ts';
import { packageFiles, packagesFolder, rpmPackages } from '../support/installed-root.ts';
import { buildRpm } from '../support/rpm-build.ts';

const timeoutMs = 600_000;
const component = 'package-rebuilder';
const version = readFileSync('version', 'utf8').trim();
const release = readFileSync('rel', 'utf8').trim();

interface Described {
  readonly host: { rpm: { build: string[] } };
  readonly vm: {
    rpm: { build: string[] };
    deb: { build: string[]; source: { commands: string[] } };
  };
  readonly source: { 'create-archive': boolean; files: { url: string; sha256: string }[] };
}

/**
 * What Qubes' builder does with a component (QubesOS/qubes-builderv2 c90c3f4: plugins/fetch, source_rpm, source_deb): it has
 * this repository, what `.qubesbuilder` names, and nothing else of ours.
 */
describe('Qubes’ builder', () => {
  let folder: string;
  let source: string;
  let described: Described;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'builder-'));
    source = join(folder, component);
    checkOut(source);
    described = describedIn(source);
    fetch();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function checkOut(tree: string): void {
    mkdirSync(tree);
    const list =
      'git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read';
    execFileSync('sh', ['-c', `${list} | tar --extract --touch --directory=${tree}`], { stdio: 'pipe' });
  }

  /** component.py, get_parameters: placeholders first, then YAML. */
  function describedIn(tree: string): Described {
    const placeholders = {
      COMPONENT: component,
      VERSION: version,
      REL: release,
      SOURCE_DIR: tree,
      DISTFILES_DIR: join(folder, 'distfiles'),
    };
    const text = Object.entries(placeholders).reduce(
      (all, [name, value]) => all.replaceAll(`@${name}@`, value),
      readFileSync(join(tree, '.qubesbuilder'), 'utf8'),
    );
    const print = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)';
    return JSON.parse(
      execFileSync(resolve('build/salt/bin/python3'), ['-c', print], { input: text, encoding: 'utf8' }),
    );
  }

  /** fetch/scripts/verify-file: the checksum file holds one hash. What the release will have, modules.sh made. */
  function fetch(): void {
    const distfiles = join(folder, 'distfiles', component);
    mkdirSync(distfiles, { recursive: true });
    for (const { url, sha256 } of described.source.files) {
      const made = resolve('build/modules', basename(url));
      expect(sha256Of(readFileSync(made))).toBe(readFileSync(join(source, sha256), 'utf8').trim());
      copyFileSync(made, join(distfiles, basename(url)));
    }
  }

  /** source_rpm: scripts/create-archive and generate-spec; then mock, which is rpmbuild in a chroot. */
  async function buildSpec(spec: string): Promise<string> {
    const top = join(folder, basename(spec, '.spec'));
    const sources = join(top, 'SOURCES');
    mkdirSync(sources, { recursive: true });
    const text = readFileSync(join(source, `${spec}.in`), 'utf8')
      .replaceAll('@VERSION@', version)
      .replaceAll('@REL@', release)
      .replaceAll('@BACKEND_VMM@', 'xen')
      .replaceAll(
        '@CHANGELOG@',
        `* Sat Nov 28 2026 Nobody <nobody@example.org> - ${version}-${release}\n- For details see the git log`,
      );
    expect(text).not.toMatch(/@[A-Z_]+@/);
    writeFileSync(join(top, basename(spec)), text);
    const archive = join(sources, `${component}-${version}.tar.gz`);
    const prefix = `--transform=s,^\\.,${component}-${version},`;
    await run('tar', ['--create', '--gzip', `--file=${archive}`, prefix, `--directory=${source}`, '.'], {
      timeoutMs,
    });
    for (const { url } of described.source.files)
      copyFileSync(join(folder, 'distfiles', component, basename(url)), join(sources, basename(url)));
    return await buildRpm(top, join(top, basename(spec)));
  }

  async function filesOf(rpm: string): Promise<readonly string[]> {
    const format = '[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEDIGESTS}\n]';
    const { stdout } = await run('rpm', ['--query', '--package', '--queryformat', format, rpm], {
      timeoutMs,
    });
    return stdout.toString().split('\n').filter(Boolean);
  }

  it('makes the RPM of the daemons that we make', async () => {
    const [spec = ''] = described.vm.rpm.build;
    const [ours = ''] = await rpmPackages();
    expect(await filesOf(await buildSpec(spec))).toEqual(await filesOf(join(packagesFolder, ours)));
  });

  it('makes dom0’s RPM, which then carries no packages', async () => {
    const [spec = ''] = described.host.rpm.build;
    const [, ours = ''] = await rpmPackages();
    const carrying = (line: string) => /\/packages\/[^ ]+\.(?:deb|rpm) /.test(line);
    const files = await filesOf(join(packagesFolder, ours));
    expect(await filesOf(await buildSpec(spec))).toEqual(files.filter((line) => !carrying(line)));
    expect(files.filter(carrying)).toHaveLength(2);
  });

  it('makes from the same changelog the Debian packages that we make, byte for byte', async () => {
    const tree = join(folder, 'deb');
    checkOut(tree);
    const { build, source: prepared } = describedIn(tree).vm.deb;
    expect(build).toEqual(['debian']);
    for (const command of prepared.commands) execFileSync('sh', ['-ec', command], { stdio: 'pipe' });
    const native = join(folder, `${component}-${version}`);
    const prepare =
      'mkdir "$2" && cp -a "$1"/* "$2" && cd "$2" && chmod -R -- u+rwX,g+rX-w,o+rX-w . && chmod +x debian/rules';
    await run('sh', ['-ec', `${prepare} && dpkg-source -b .`, 'sh', tree, native], { timeoutMs });
    rmSync(native, { recursive: true });
    const dsc = readdirSync(folder).find((name) => name.endsWith('.dsc')) ?? '';
    await run('dpkg-source', ['--extract', join(folder, dsc), native], { timeoutMs, cwd: folder });
    await run('dpkg-buildpackage', ['--no-sign', '--no-check-builddeps', '--build=binary'], {
      timeoutMs,
      cwd: native,
      env: { PATH: process.env.PATH ?? '', HOME: folder },
    });
    const made = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    expect(made.sort()).toEqual(await packageFiles());
    for (const name of made) {
      expect([name, sha256Of(readFileSync(join(folder, name)))]).toEqual([
        name,
        sha256Of(readFileSync(join(packagesFolder, name))),
      ]);
    }
  });
});
