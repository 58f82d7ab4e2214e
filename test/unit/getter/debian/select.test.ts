import { describe, expect, it } from 'vitest';
import { parseSourceLines } from '../../../../daemons/getter/debian/apt-sources.ts';
import { selectSources } from '../../../../daemons/getter/debian/select.ts';

const host = parseSourceLines(`
deb http://other.example/app nodistro main
deb http://m.example/debian trixie main
deb http://m.example/debian trixie contrib
deb http://m.example/debian trixie-updates main
deb http://m.example/debian-security trixie-security main
deb http://m.example/debian trixie-backports main
deb cdrom:disc trixie main
`);

function chosen(suite: string, hostSuite: string | undefined = 'trixie', architecture = 'amd64') {
  const { sources, derived } = selectSources(host, suite, hostSuite, architecture);
  return {
    derived,
    names: sources.map(({ uri, suite, components }) => `${uri.slice(16)} ${suite} ${components.join('+')}`),
  };
}

describe('selectSources', () => {
  it('takes the suite, its updates and its security updates, and no backports', () => {
    expect(chosen('trixie')).toEqual({
      derived: false,
      names: [
        '/debian trixie main+contrib',
        '/debian trixie-updates main',
        '/debian-security trixie-security main',
      ],
    });
  });

  it("takes the host's mirrors for a distribution that the host has not", () => {
    expect(chosen('bookworm')).toEqual({
      derived: true,
      names: [
        '/debian bookworm main+contrib',
        '/debian bookworm-updates main',
        '/debian-security bookworm-security main',
      ],
    });
  });

  it('finds those mirrors without knowing the codename', () => {
    expect(selectSources(host, 'bookworm', undefined, 'amd64').sources).toHaveLength(3);
  });

  it('expects no updates of what is never released', () => {
    expect(chosen('sid').names).toEqual(['/debian sid main+contrib']);
  });

  it('takes the old name of security updates', () => {
    const old = parseSourceLines('deb http://m/d buster main\ndeb http://s/d buster/updates main\n');
    expect(selectSources(old, 'buster', undefined, 'amd64').sources.map(({ suite }) => suite)).toEqual([
      'buster',
      'buster/updates',
    ]);
  });

  it('leaves out sources of other architectures', () => {
    const mixed = parseSourceLines(
      'deb [arch=arm64] http://a/d s main\ndeb [arch=amd64] http://b/d s main\n',
    );
    const uris = (architecture: string) =>
      selectSources(mixed, 's', undefined, architecture).sources.map(({ uri }) => uri);
    expect(uris('amd64')).toEqual(['http://b/d']);
    expect(uris('all')).toEqual(['http://a/d', 'http://b/d']);
  });

  it('has nothing where there is nothing', () => {
    expect(selectSources([], 'sid', 'trixie', 'amd64').sources).toEqual([]);
  });
});
