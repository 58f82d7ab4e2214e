import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { readAptItems } from '../../../../daemons/rebuilderctl/client/apt.ts';
import {
  aptConfOf,
  badRebuilders,
  intotoConfigOf,
} from '../../../../daemons/rebuilderctl/client/intoto-config.ts';
import { places } from '../../../../daemons/rebuilderctl/client/places.ts';
import { Root } from '../../../../daemons/rebuilderctl/client/root.ts';
import {
  parseLogLevel,
  parseRebuilder,
  whyNoRebuilder,
} from '../../../../daemons/rebuilderctl/client/settings.ts';
import { VerifiersMachine } from '../../../support/verifiers-machine.ts';

/** What real apt makes of files in apt.conf.d, as the method would read it. */
async function readBack(files: Readonly<Record<string, string>>) {
  const machine = new VerifiersMachine();
  try {
    for (const [name, text] of Object.entries(files)) machine.write(`/etc/apt/apt.conf.d/${name}`, text);
    return intotoConfigOf(await readAptItems(await Root.open(machine.root)));
  } finally {
    machine.remove();
  }
}

const ours = 'zz-package-rebuilder-client';
/** What apt-transport-in-toto 0.1.1-3 brings as /etc/apt/apt.conf.d/intoto. */
const sample = `APT::Intoto {
  LogLevel {"20"};
  Rebuilders {
    "http://158.39.77.214";
    "https://reproducible-builds.engineering.nyu.edu";
  };
  Layout {"/etc/intoto/root.layout"};
  Keyids {
    "88876A89E3D4698F83D3DB0E72E33CA3E0E04E46"
  };
  NoFail {"true"}
};
`;
const settings = {
  rebuilders: ['https://rebuilder.example/rebuild/debian', 'http://[2001:db8:0:0:0:0:0:1]:8080'],
  owners: [parseFingerprint('AB'.repeat(20)), parseFingerprint('CD'.repeat(20))],
  logLevel: 10,
  noFail: false,
};

describe('the file for apt', () => {
  it('gives the method these settings and no others, whatever the sample beside it says', async () => {
    expect(await readBack({ intoto: sample, [ours]: aptConfOf(settings) })).toEqual({
      rebuilders: settings.rebuilders,
      keyids: settings.owners,
      gpgHome: places.gpgHome,
      layout: places.layout,
      noFail: false,
      hanging: [],
    });
  });

  it('says NoFail in the one word that counts, or not at all', async () => {
    expect((await readBack({ [ours]: aptConfOf({ ...settings, noFail: true }) })).noFail).toBe(true);
    expect(aptConfOf(settings)).not.toContain('NoFail');
  });

  it('brings every rebuilder that is accepted to the method as it was written', async () => {
    const piece = fc.constantFrom(...'abz09.-_~!$&\'()*+,=:@/[]"%;#? ü\\{}\n'.split(''), '::', '//');
    const url = fc
      .tuple(fc.constantFrom('http://', 'https://', 'ftp://', ''), fc.array(piece, { maxLength: 8 }))
      .map(([scheme, parts]) => `${scheme}h.example/${parts.join('')}`);
    const urls = fc.sample(fc.oneof(url, fc.webUrl(), fc.string()), { numRuns: 500, seed: 7 });
    const accepted = [
      ...new Set(urls.filter((one) => whyNoRebuilder(one) === undefined).map(parseRebuilder)),
    ];
    expect(accepted.length).toBeGreaterThan(40);
    const { rebuilders, hanging } = await readBack({
      [ours]: aptConfOf({ ...settings, rebuilders: accepted }),
    });
    expect(hanging).toEqual([]);
    expect(rebuilders).toEqual(accepted);
  });
});

describe('intotoConfigOf', () => {
  it('adds up the files that apt reads, as the method does', async () => {
    const config = await readBack({
      intoto: sample,
      more: 'APT::Intoto::Rebuilders { "http://more.example/"; }; APT::Intoto::Layout { "/x"; };',
    });
    expect(config.rebuilders).toEqual([
      'http://158.39.77.214',
      'https://reproducible-builds.engineering.nyu.edu',
      'http://more.example',
    ]);
    expect(config).toMatchObject({ layout: '/x', noFail: true, hanging: [] });
  });

  it('names the items at which the method breaks off', async () => {
    const config = await readBack({
      a: 'APT::Intoto::Layout "/plain"; APT::Intoto::Rebuilders { "http://[::1]/"; "http://ok.example/a%20b"; };',
    });
    expect(config.hanging).toEqual(['APT::Intoto::Layout=/plain', 'APT::Intoto::Rebuilders::=http://[::1]/']);
    expect(config.rebuilders).toEqual(['http://ok.example/a%20b']);
    expect(badRebuilders(config)).toMatchObject([
      { url: 'http://ok.example/a%20b', why: expect.stringContaining('%') },
    ]);
  });

  it('answers any items with texts', () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom('APT::Intoto', 'APT::Intoto::Keyids::', 'APT::Intoto::__proto__::'),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ name, value: fc.string() }), { maxLength: 8 }), (items) => {
        const { rebuilders, keyids, layout, hanging } = intotoConfigOf(items);
        for (const text of [...rebuilders, ...keyids, layout, ...hanging]) expect(typeof text).toBe('string');
      }),
    );
  });
});

describe('parseRebuilder', () => {
  it.each([
    ['http://[fe80::1]/', /:: makes apt-transport-in-toto fail and apt wait for ever.*without ::/],
    ['http://a.example/%41', /%/],
    ['http://me:secret@a.example/', /password/],
    ['http://a.example/?q=1', /\?/],
    ['http://a.example/"; };', /not a plain URL/],
    ['http://a.example/a b', /not a plain URL/],
    ['http://a.example:99999/', /not a plain URL/],
    ['rsync://a.example/', /http:\/\/ or https:\/\//],
    [`http://a.example/${'x'.repeat(500)}`, /longer than 500/],
  ])('refuses %s, and says why', (url, why) => {
    expect(() => parseRebuilder(url)).toThrow(why);
  });

  it('takes the slashes at the end off', () => {
    expect(parseRebuilder('http://a.example:8080/rebuild//')).toBe('http://a.example:8080/rebuild');
  });
});

describe('parseLogLevel', () => {
  it('takes 0 to 50', () => {
    expect(parseLogLevel('30')).toBe(30);
    for (const wrong of ['', '51', '-1', 'INFO', '1e1'])
      expect(() => parseLogLevel(wrong)).toThrow('--log-level');
  });
});
