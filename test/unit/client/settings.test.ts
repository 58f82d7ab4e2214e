import { beforeAll, describe, expect, it } from 'vitest';
import { Configuration } from '../../../daemons/client/apt/configuration.ts';
import { codes, readMessages } from '../../../daemons/client/apt/message.ts';
import { readSettings } from '../../../daemons/client/settings.ts';
import { configurationByApt } from '../../support/apt-configuration.ts';

async function configurationOf(lines: string): Promise<Configuration> {
  async function* bytes() {
    yield configurationByApt(lines);
  }
  for await (const message of readMessages(bytes(), 'apt')) {
    if (message.code === codes.configuration) return new Configuration(message);
  }
  throw new Error('apt sent no configuration');
}

async function read(lines: string, env: Record<string, string> = {}) {
  return readSettings(await configurationOf(lines), env);
}

const listForm = `
APT::Intoto {
  LogLevel {"10"};
  Rebuilders { "http://a.example/base"; "https://[2001:db8::1]:8443/a=b%20c/"; };
  GPGHomedir {"/var/lib/my keys/größe"};
  Layout {"/etc/intoto/root.layout"};
  Keyids { "88876A89E3D4698F83D3DB0E72E33CA3E0E04E46"; "0123456789abcdef0123456789abcdef01234567"; };
  NoFail {"true"};
};`;

describe('settings', () => {
  const expected = {
    logLevel: 10,
    gpgHomedir: '/var/lib/my keys/größe',
    layout: '/etc/intoto/root.layout',
    noFail: true,
  };

  it('come from lists of one, as apt-transport-in-toto has them', async () => {
    const { settings, notes } = await read(listForm);
    expect(notes).toEqual([]);
    expect(settings).toMatchObject({
      ...expected,
      // apt itself reads %20 as a blank.
      rebuilders: ['http://a.example/base', 'https://[2001:db8::1]:8443/a=b c/'],
      keyids: ['88876A89E3D4698F83D3DB0E72E33CA3E0E04E46', '0123456789abcdef0123456789abcdef01234567'],
    });
  });

  it('come from the plain form, in any case', async () => {
    const { settings, notes } = await read(`
apt::intoto::loglevel "10";
APT::Intoto::Rebuilders "http://a.example/base";
APT::Intoto::GPGHomedir "/var/lib/my keys/größe";
APT::Intoto::Layout "/etc/intoto/root.layout";
APT::Intoto::KeyIds "88876A89E3D4698F83D3DB0E72E33CA3E0E04E46";
APT::Intoto::NoFail "true";`);
    expect(notes).toEqual([]);
    expect(settings).toMatchObject({
      ...expected,
      rebuilders: ['http://a.example/base'],
      keyids: ['88876A89E3D4698F83D3DB0E72E33CA3E0E04E46'],
    });
  });

  it('of a later file count instead of an earlier one, but lists grow', async () => {
    const later = `${listForm}
APT::Intoto { Layout {"/later"}; NoFail {"false"}; Rebuilders { "http://b.example"; }; };`;
    const { settings } = await read(later);
    expect(settings).toMatchObject({ layout: '/later', noFail: false });
    expect(settings.rebuilders).toHaveLength(3);
  });

  describe('that are not there', () => {
    let bare: Awaited<ReturnType<typeof read>>;
    beforeAll(async () => {
      bare = await read('');
    });

    it('leave nothing to verify by, and everything to apt’s defaults', () => {
      expect(bare.notes).toEqual([]);
      expect(bare.settings).toMatchObject({
        rebuilders: [],
        gpgHomedir: undefined,
        layout: undefined,
        keyids: [],
        logLevel: 20,
        noFail: false,
        timeoutMs: 30_000,
        sandboxUser: '_apt',
        certificatesFile: undefined,
        archives: '/var/cache/apt/archives',
      });
    });
  });

  it('that count for nothing are told of, with what was meant', async () => {
    const { settings, notes } = await read(
      'APT::Intoto { Rebuilder { "http://a" }; NoFail {"yes"}; LogLevel {"DEBUG"}; };',
    );
    expect(settings).toMatchObject({ rebuilders: [], noFail: false, logLevel: 20 });
    expect(notes).toEqual([
      'APT::Intoto::rebuilder: unknown option; is APT::Intoto::Rebuilders meant?',
      'APT::Intoto::NoFail "yes": only "true" counts',
      'APT::Intoto::LogLevel "DEBUG": expected a number such as 10, 20 or 30; 20 is taken',
    ]);
  });

  it('about downloads are apt’s own, then the environment’s', async () => {
    const { settings } = await read(
      `APT::Sandbox::User "root";
Acquire::http::Timeout "7";
Acquire::http::Proxy "http://cache.example:3128";
Acquire::https::CaInfo "/etc/own.pem";
Dir::Cache "/elsewhere";
Dir::Cache::archives "debs";`,
      { http_proxy: 'http://not.example', https_proxy: 'http://tls.example:1' },
    );
    expect(settings).toMatchObject({
      sandboxUser: undefined,
      timeoutMs: 7_000,
      certificatesFile: '/etc/own.pem',
      archives: '/elsewhere/debs',
    });
    expect(settings.proxies).toMatchObject({
      http: 'http://cache.example:3128',
      https: 'http://tls.example:1',
    });
  });
});
