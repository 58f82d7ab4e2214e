import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DistError, parseDist, publishedFolder } from '../../../../daemons/lib/domain/dist.ts';

function partOf(text: unknown): string {
  try {
    parseDist(text);
  } catch (error) {
    if (error instanceof DistError) return error.part;
    throw error;
  }
  return 'none';
}

describe('parseDist', () => {
  it('reads the forms of the seed', () => {
    expect(parseDist('sid.all')).toMatchObject({
      project: 'debian',
      distribution: 'sid',
      suite: 'sid',
      sets: ['full'],
      architecture: 'all',
    });
    expect(
      parseDist('unstable+essential+required+build-essential+build-essential-depends+full.amd64'),
    ).toMatchObject({
      distribution: 'unstable',
      sets: ['essential', 'required', 'build-essential', 'build-essential-depends', 'full'],
      architecture: 'amd64',
    });
    expect(parseDist('bullseye+essential+build_essential.all')).toMatchObject({
      sets: ['essential', 'build_essential'],
    });
    expect(parseDist('qubes-4.1-vm-bullseye.amd64')).toMatchObject({
      project: 'qubesos',
      distribution: 'qubes-4.1-vm-bullseye',
      release: '4.1',
      domain: 'vm',
      under: { family: 'debian', suite: 'bullseye' },
    });
    expect(parseDist('qubes-4.3-dom0-fc41.noarch')).toMatchObject({
      domain: 'dom0',
      under: { family: 'fedora', release: 41 },
      architecture: 'all',
    });
    expect(parseDist('fedora-33.amd64')).toMatchObject({ project: 'fedora', release: 33 });
    expect(parseDist('fc43.x86_64')).toMatchObject({ project: 'fedora', release: 43, architecture: 'amd64' });
  });

  it("takes an operator's own suite as Debian's family", () => {
    expect(parseDist('my-archive_2.1.amd64')).toMatchObject({ project: 'debian', suite: 'my-archive_2.1' });
    expect(parseDist('bookworm/updates.arm64')).toMatchObject({ suite: 'bookworm/updates' });
    expect(parseDist('fcgi.amd64')).toMatchObject({ project: 'debian', suite: 'fcgi' });
  });

  it('says which part is wrong', () => {
    expect(partOf('bookworm')).toBe('architecture');
    expect(partOf('bookworm.')).toBe('architecture');
    expect(partOf('bookworm.source')).toBe('architecture');
    expect(partOf('qubes-4.3-vm-trixie')).toBe('architecture');
    expect(partOf('.amd64')).toBe('distribution');
    expect(partOf('../etc.amd64')).toBe('distribution');
    expect(partOf('qubes-4.3-trixie.amd64')).toBe('distribution');
    expect(partOf('qubes-4.3-vm-.amd64')).toBe('distribution');
    expect(partOf('fedora.amd64')).toBe('distribution');
    expect(partOf('fedora-x.amd64')).toBe('distribution');
    expect(partOf('bookworm++essential.amd64')).toBe('set');
    expect(partOf('bookworm+a b.amd64')).toBe('set');
    expect(partOf('')).toBe('dist');
    expect(partOf(undefined)).toBe('dist');
    expect(() => parseDist('bookworm')).toThrow(/such as \.amd64/);
    expect(() => parseDist('qubes-4.3-trixie.amd64')).toThrow(/qubes-RELEASE-vm-NAME/);
  });

  it('answers any text with a dist of closed alphabets or a DistError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.stringMatching(/^[a-z0-9+.\-/_~:]{1,40}$/),
          fc.stringMatching(
            /^(qubes-[0-9.]{0,4}-(vm|dom0)?-|fedora-|fc)?[a-z0-9+.]{0,12}\.(amd64|all|x86_64)$/,
          ),
        ),
        (text) => {
          try {
            const dist = parseDist(text);
            expect(dist.architecture).toMatch(/^[a-z][a-z0-9-]*$/);
            expect(publishedFolder(dist)).toMatch(/^[a-z]+(?:\/(?:deb|rpm)\/r[0-9.]+\/(?:vm|dom0))?$/);
            expect(dist.sets.length).toBeGreaterThan(0);
            expect(dist.distribution.split('/')).not.toContain('..');
          } catch (error) {
            if (!(error instanceof DistError)) throw error;
          }
        },
      ),
    );
  });
});

describe('publishedFolder', () => {
  it("is upstream's", () => {
    expect(publishedFolder(parseDist('unstable+essential.amd64'))).toBe('debian');
    expect(publishedFolder(parseDist('qubes-4.3-vm-trixie.all'))).toBe('qubesos/deb/r4.3/vm');
    expect(publishedFolder(parseDist('qubes-4.3-dom0-fc41.amd64'))).toBe('qubesos/rpm/r4.3/dom0');
    expect(publishedFolder(parseDist('fedora-43.amd64'))).toBe('fedora');
  });
});
