import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import type { FileState } from './root.ts';

const timeoutMs = 20_000;

/** What would become of a file: a unified diff as diff(1) makes it, with its modes where they change; no final newline. */
export async function describeChange(
  path: string,
  before: FileState | null,
  after: FileState | null,
): Promise<string> {
  const modes = before !== null && after !== null && before.mode !== after.mode;
  const head = modes ? [`mode of ${path}: ${before.mode.toString(8)} -> ${after.mode.toString(8)}`] : [];
  const contents = [before, after].map((state) => state?.content ?? Buffer.alloc(0));
  if (contents[0]?.equals(contents[1] as Buffer)) return head.join('\n');
  if (contents.some((content) => !isUtf8(content) || content.includes(0))) {
    return [...head, `binary file ${path}: ${binary(before)} -> ${binary(after)}`].join('\n');
  }
  const labels = [before === null ? '/dev/null' : `a${path}`, after === null ? '/dev/null' : `b${path}`];
  return [...head, await unifiedDiff(contents, labels)].join('\n');
}

function binary(state: FileState | null): string {
  if (state === null) return 'not there';
  return `${state.content.length} bytes, sha256 ${createHash('sha256').update(state.content).digest('hex')}`;
}

async function unifiedDiff(contents: readonly Buffer[], labels: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'client-diff-'));
  try {
    const files = ['a', 'b'].map((name) => join(folder, name));
    for (const [index, file] of files.entries()) await writeFile(file, contents[index] ?? '');
    const { stdout } = await run('diff', ['-u', ...labels.flatMap((label) => ['--label', label]), ...files], {
      timeoutMs,
      expectCodes: [0, 1],
    });
    return stdout.toString().trimEnd();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
