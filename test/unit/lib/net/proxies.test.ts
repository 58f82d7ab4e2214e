import { describe, expect, it } from 'vitest';
import { noProxies, proxyFor } from '../../../../daemons/lib/net/proxies.ts';

const proxies = {
  http: 'http://proxy:1',
  https: 'http://proxy:2',
  hosts: new Map([
    ['direct.example', null],
    ['own.example', 'http://own:3'],
  ]),
  except: ['example.org', '.example.net'],
};

describe('proxyFor', () => {
  it.each([
    ['http://deb.example/debian', 'http://proxy:1'],
    ['https://deb.example/debian', 'http://proxy:2'],
    ['http://direct.example/', null],
    ['https://own.example:8443/', 'http://own:3'],
    ['http://example.org/', null],
    ['http://deb.example.org/', null],
    ['http://notexample.org/', 'http://proxy:1'],
    ['http://a.example.net/', null],
  ])('%s goes through %s', (url, proxy) => {
    expect(proxyFor(new URL(url), proxies)).toBe(proxy);
  });

  it('is nobody where none is configured', () => {
    expect(proxyFor(new URL('http://deb.example/'), noProxies)).toBeNull();
    expect(proxyFor(new URL('http://deb.example/'), { ...proxies, except: ['*'] })).toBeNull();
  });
});
