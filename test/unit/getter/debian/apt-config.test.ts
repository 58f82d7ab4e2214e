import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDump, readAptConfig } from '../../../../daemons/getter/debian/apt-config.ts';

describe('readAptConfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'apt-'));
    mkdirSync(join(folder, 'trusted'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function read(text: string, env: Record<string, string> = {}) {
    writeFileSync(join(folder, 'apt.conf'), text);
    return await readAptConfig({ APT_CONFIG: join(folder, 'apt.conf'), ...env });
  }

  it('asks apt itself: paths, architecture, keys', async () => {
    writeFileSync(join(folder, 'trusted/a.asc'), 'key');
    writeFileSync(join(folder, 'trusted/b.gpg~'), 'key');
    const config = await read(`
Dir::Etc "${folder}";
Dir::Etc::sourcelist "my list";
Dir::Etc::trustedparts "trusted";
Dir::Etc::trusted "none.gpg";
APT::Architecture "arm64";
`);
    expect(config).toMatchObject({
      architecture: 'arm64',
      sourceList: join(folder, 'my list'),
      trusted: [{ file: join(folder, 'trusted/a.asc') }],
    });
  });

  it('takes over the checks that apt was told to leave', async () => {
    const own = `Dir::Etc "${folder}";\n`;
    expect(await read(own)).toMatchObject({ checkValidUntil: true, checkDate: true });
    expect(await read(`${own}Acquire::Check-Valid-Until "false";`)).toMatchObject({
      checkValidUntil: false,
      checkDate: true,
    });
    expect(await read(`${own}Acquire::Check-Date "no";`)).toMatchObject({
      checkValidUntil: false,
      checkDate: false,
    });
  });

  it("takes apt's proxies, then those of the environment", async () => {
    const own = `Dir::Etc "${folder}";\n`;
    const env = { http_proxy: 'http://env:1', no_proxy: 'localhost, .example' };
    expect((await read(own, env)).proxies).toMatchObject({
      http: 'http://env:1',
      https: 'http://env:1',
      except: ['localhost', '.example'],
    });
    const options = `Acquire::http::Proxy "http://apt:2"; Acquire::http::Proxy::near.example "DIRECT"; Acquire::https::Proxy "DIRECT";`;
    const { proxies } = await read(own + options, env);
    expect(proxies).toMatchObject({ http: 'http://apt:2', https: null });
    expect([...proxies.hosts]).toEqual([['near.example', null]]);
  });
});

describe('parseDump', () => {
  it('reads options by their names in lower case', () => {
    expect([...parseDump('A::B "c d";\nX "";\nnonsense\n')]).toEqual([
      ['a::b', 'c d'],
      ['x', ''],
    ]);
  });
});
