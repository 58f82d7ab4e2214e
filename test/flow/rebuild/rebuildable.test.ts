import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawn } from '../../support/campaign.ts';
import { readRebuildable } from '../../support/rebuildable.ts';
import { rebuild } from '../../support/rebuilderctl.ts';

type Case = Readonly<{ title: string; how: 'buildinfo' | 'inferred'; index: number }>;

const list = readRebuildable();
const cases: readonly Case[] = list.flatMap((entry, index) => [
  { title: `${entry.source} with its buildinfo`, how: 'buildinfo' as const, index },
  ...(entry.needsBuildinfo ? [] : [{ title: `${entry.source} without`, how: 'inferred' as const, index }]),
]);

/**
 * Files with static code of other packages in them: in an environment that is inferred from what the archive has on the day,
 * they are those of the archive or not, as its toolchain is that day.
 */
const datedFiles: readonly string[] = [
  'libcap-dev_2.66-4+deb12u3+b1_amd64.deb',
  'libpam-cap_2.66-4+deb12u3+b1_amd64.deb',
];

if (list.length > 0) {
  describe('rebuilderctl rebuild, on official packages', () => {
    let cache: string;
    beforeAll(async () => {
      cache = mkdtempSync(join(tmpdir(), 'rebuildable-'));
      await chmod(cache, 0o755);
    });
    afterAll(() => rmSync(cache, { recursive: true }));

    it.for([...drawn('rebuildable', cases, 4)])(
      'tells $title file by file',
      async ({ how, index }, { skip }) => {
        const entry = list[index];
        if (!entry) throw new Error('no such case');
        const buildinfos = how === 'buildinfo' ? entry.buildinfos : [];
        const { result, exitCode, stderr } = await rebuild(
          `${entry.source}=${entry.version}`,
          entry.suite,
          buildinfos,
          {
            args: ['--keep-base'],
            env: { XDG_CACHE_HOME: cache },
          },
        );

        const gone = / does not have \S+ \(= \S+\) any more/.exec(stderr)?.[0];
        if (how === 'buildinfo' && result.code === 'dependency-missing' && gone !== undefined) {
          skip(`the archive${gone}`);
        }

        const dated = how === 'inferred' ? datedFiles : [];
        const judged = [...entry.files].filter(([name]) => !dated.includes(name));
        const onTheDay = result.files.filter(({ name }) => dated.includes(name));
        for (const { name, verdict } of onTheDay) {
          expect(['reproducible', 'environment-unknown'], name).toContain(verdict);
        }
        const differs = onTheDay.some(({ verdict }) => verdict !== 'reproducible');
        const allIdentical = judged.every(([, file]) => file.identical) && !differs;
        for (const [name, known] of judged) {
          const told = result.files.find((file) => file.name === name);
          expect(told?.officialSha256, name).toBe(known.sha256);
          if (known.identical && (allIdentical || how === 'inferred')) {
            expect(told, name).toMatchObject({ verdict: 'reproducible', rebuiltSha256: known.sha256 });
          }
          if (!known.identical) expect(told?.verdict, name).not.toBe('reproducible');
          if (!known.identical && how === 'inferred') expect(told?.verdict, name).toBe('environment-unknown');
        }
        const code = allIdentical ? null : how === 'inferred' ? 'environment-unknown' : 'buildinfo-mismatch';
        expect(result.code).toBe(code);
        expect(exitCode).toBe(allIdentical ? 0 : 2);
      },
    );
  });
}
