import { describe, expect, it } from 'vitest';
import { metadataUrl, Rebuilders } from '../../../../daemons/client/fetch/metadata.ts';
import { parseBinaryName, parseDebVersion } from '../../../../daemons/lib/domain/names.ts';
import { NetError } from '../../../../daemons/lib/net/errors.ts';

const name = parseBinaryName('epochpkg');
const version = parseDebVersion('1:2.0~rc1+dfsg-1+b1');

describe('metadataUrl', () => {
  it.each(['http://h/rebuild', 'http://h/rebuild/', 'http://h/rebuild//'])(
    'asks below %s for the bytes that apt-transport-in-toto asks for',
    (address) => {
      const url = metadataUrl(address, name, version);
      expect(url).toBe('http://h/rebuild/sources/epochpkg/1%3A2.0~rc1+dfsg-1+b1/metadata');
      expect(new URL(url).pathname).toBe('/rebuild/sources/epochpkg/1%3A2.0~rc1+dfsg-1+b1/metadata');
    },
  );
});

describe('Rebuilders', () => {
  it('are asked at the same time, and answer in the order of the configuration', async () => {
    let everybodyIsAsked = () => {};
    const held = new Promise<void>((resolve) => {
      everybodyIsAsked = resolve;
    });
    let asked = 0;
    const rebuilders = new Rebuilders(['http://a', 'http://me:secret@b', 'http://c'], async (uri) => {
      asked += 1;
      if (asked === 3) everybodyIsAsked();
      await held;
      if (uri.includes('@b')) throw new NetError('not-found', uri, 'the server answers 404');
      return Buffer.from(uri.includes('//a') ? 'link of a' : 'link of c');
    });
    expect(await rebuilders.ask(name, version)).toMatchObject({
      links: [
        { from: 'http://a', untrusted: 'link of a' },
        { from: 'http://c', untrusted: 'link of c' },
      ],
      unanswered: [{ from: 'http://b', error: { code: 'not-found' } }],
    });
  });

  it('are asked no more than sixteen questions at a time, over all packages', async () => {
    let open = 0;
    let most = 0;
    const rebuilders = new Rebuilders(['http://a', 'http://b', 'http://c'], async () => {
      open += 1;
      most = Math.max(most, open);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return Buffer.from('link');
    });
    await Promise.all(Array.from({ length: 10 }, () => rebuilders.ask(name, version)));
    expect(most).toBe(16);
  });

  it('are left alone once they were out of reach three times in a row', async () => {
    const asked: string[] = [];
    const failing = (uri: string) => {
      asked.push(uri);
      if (
        uri.startsWith('http://flaky') &&
        asked.filter((one) => one.startsWith('http://flaky')).length === 3
      ) {
        return Promise.reject(new NetError('not-found', uri, 'the server answers 404'));
      }
      return Promise.reject(new NetError('unreachable', uri, 'no whole answer within 30 s'));
    };
    const rebuilders = new Rebuilders(['http://away', 'http://flaky'], failing);
    for (let turn = 0; turn < 5; turn++) {
      const { unanswered } = await rebuilders.ask(name, version);
      expect(unanswered.map(({ from }) => from)).toEqual(['http://away', 'http://flaky']);
    }
    expect(asked.filter((uri) => uri.startsWith('http://away'))).toHaveLength(3);
    expect(asked.filter((uri) => uri.startsWith('http://flaky'))).toHaveLength(5);
  });
});
