import { describe, expect, it } from 'vitest';
import { configuredProxies, noProxies, proxyFor } from '../../../../daemons/lib/net/proxies.ts';

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

  it('is never left out because it is of an unknown kind', () => {
    const tor = { ...noProxies, http: 'socks5h://user:secret@localhost:9050' };
    expect(() => proxyFor(new URL('http://deb.example/'), tor)).toThrow('proxy socks5h://localhost:9050');
  });

  it('is nobody where none is configured', () => {
    expect(proxyFor(new URL('http://deb.example/'), noProxies)).toBeNull();
    expect(proxyFor(new URL('http://deb.example/'), { ...proxies, except: ['*'] })).toBeNull();
  });
});

describe('configuredProxies', () => {
  it('reads a proxy without a scheme as one of http, and DIRECT as none', () => {
    const options = new Map([
      ['acquire::http::proxy', 'cache:3128'],
      ['acquire::http::proxy::near.example', 'DIRECT'],
    ]);
    expect(configuredProxies(options, { https_proxy: 'http://tls:1', no_proxy: 'a b,c' })).toEqual({
      http: 'http://cache:3128',
      https: 'http://tls:1',
      hosts: new Map([['near.example', null]]),
      except: ['a', 'b', 'c'],
    });
  });
});
