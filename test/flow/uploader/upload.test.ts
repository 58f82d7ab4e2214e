import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JobFailure } from '../../../daemons/lib/contracts/job-failure.ts';
import { formatJsonLines } from '../../../daemons/lib/contracts/json-lines.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { parseSha256 } from '../../../daemons/lib/domain/names.ts';
import type { Done, JobContext } from '../../../daemons/lib/worker/worker.ts';
import { StagedTree } from '../../../daemons/uploader/staged-tree.ts';
import { targetOf } from '../../../daemons/uploader/target.ts';
import { Uploader } from '../../../daemons/uploader/upload-job.ts';
import { makeKey, type Sshd, startSshd } from '../../support/sshd.ts';

type Files = Readonly<Record<string, string>>;

const epochLink = 'debian/sources/libcap2/1:2.66-4+deb12u3+b1/metadata';
const quotedName = 'debian/evidence/libcap2_1%3a2.66-4_amd64.deb';
const first: Files = {
  [epochLink]: 'link of libcap2',
  [quotedName]: 'a name that apt writes',
  'debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link': 'merged link',
  'debian/results/index.html': '<!DOCTYPE html>one',
  'debian/root.layout': 'layout',
  'qubesos/results/qubesos.json': '{}',
};

let dir: string;
let mirror: string;
let sshd: Sshd | undefined;
let fetched: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upload-'));
  mirror = join(dir, 'mirror');
  for (const folder of ['mirror', 'state', 'state/ssh', 'sshd']) await mkdir(join(dir, folder));
  fetched = [];
});
afterEach(async () => {
  await sshd?.stop();
  sshd = undefined;
  await rm(dir, { recursive: true });
});

function hashOf(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A job whose publication is `files`, with the orchestrator's part done in memory. */
function jobOf(files: Files, signal: AbortSignal): JobContext<'upload'> {
  const entries = Object.entries(files)
    .map(([path, text]) => ({ path, sha256: hashOf(text), size: Buffer.byteLength(text) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const list = formatJsonLines(entries);
  const objects = new Map(
    [list, ...Object.values(files).map((text) => Buffer.from(text))].map((b) => [hashOf(b), b]),
  );
  return {
    job: {
      id: 'abcdefghijklmnop.upload',
      fence: 1,
      leaseMs: 60_000,
      about: 'publication',
      payload: { kind: 'publication', publication: parseSha256(hashOf(list)) },
    },
    signal,
    log: openLog('uploader', { style: 'plain', write: () => {} }),
    progress: () => {},
    appendLog: () => {},
    present: async () => new Set(),
    async fetch(shas, into) {
      for (const [index, sha] of shas.entries()) {
        const bytes = objects.get(sha);
        if (bytes === undefined) throw new Error(`asked for ${sha}, which the job does not name`);
        fetched.push(sha);
        await into(sha, {
          index,
          size: bytes.length,
          sha256: Promise.resolve(sha),
          drain: async () => {},
          saveTo: () => Promise.reject(new Error('not used')),
          buffer: async () => bytes,
          bytes: (async function* () {
            yield bytes;
          })(),
        });
      }
    },
  };
}

interface Settings {
  readonly host?: string;
  readonly basedir?: string;
}

async function openUploader(settings: Settings): Promise<Uploader> {
  return new Uploader({
    inherited: { entries: [], forgetSuperseded: async () => {} },
    tree: await StagedTree.open(join(dir, 'state'), systemClock),
    target: () =>
      targetOf({ host: settings.host, basedir: settings.basedir, key: 'client_key' }, [
        join(dir, 'state/ssh'),
      ]),
  });
}

function upload(
  uploader: Uploader,
  files: Files,
  signal = new AbortController().signal,
): Promise<Done<'upload'>> {
  return uploader.upload(jobOf(files, signal));
}

/** What a mirror holds, by path below its base folder. */
async function held(): Promise<Files> {
  const files: Record<string, string> = {};
  for (const item of await readdir(mirror, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const path = join(item.parentPath, item.name);
    files[path.slice(mirror.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}

function below(prefix: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${prefix}/${path}`, text]));
}

/** An sshd with its client key and pinned host key where the uploader looks for them. */
async function pinnedSshd(): Promise<Sshd> {
  const started = await startSshd(join(dir, 'sshd'));
  await writeFile(join(dir, 'state/ssh/client_key'), await readFile(started.clientKey), { mode: 0o600 });
  await writeFile(join(dir, 'state/ssh/known_hosts'), started.knownHost);
  sshd = started;
  return started;
}

async function failureOf(promise: Promise<unknown>): Promise<JobFailure> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof JobFailure)) throw new Error(`expected a JobFailure, got ${error}`);
  return error;
}

describe('uploading by ssh', () => {
  it('sends a publication, then what has changed of it', async () => {
    const { port, user } = await pinnedSshd();
    const uploader = await openUploader({ host: `${user}@127.0.0.1:${port}`, basedir: mirror });
    const done = await upload(uploader, first);
    expect(done.outcome).toMatchObject({ status: 'done', sent: 6 });
    expect(await held()).toEqual(below('rebuild', first));
    expect((await stat(join(mirror, 'rebuild', quotedName))).mode & 0o777).toBe(0o644);
    expect((await stat(join(mirror, 'rebuild/debian'))).mode & 0o777).toBe(0o755);

    const second = { ...first, [epochLink]: 'Link of libcap2', 'debian/sources/dash/0.5/metadata': 'new' };
    fetched = [];
    expect((await upload(uploader, second)).outcome).toMatchObject({ sent: 2 });
    expect(fetched).toHaveLength(3);
    expect(await held()).toEqual(below('rebuild', second));
    expect((await upload(uploader, second)).outcome).toMatchObject({ sent: 0 });
  });

  it('compares contents after a start, and mends what the mirror has wrong', async () => {
    const { port, user } = await pinnedSshd();
    const settings = { host: `${user}@127.0.0.1:${port}`, basedir: mirror };
    await upload(await openUploader(settings), first);
    await writeFile(join(mirror, 'rebuild', epochLink), 'LINK of libcap2');
    fetched = [];
    expect((await upload(await openUploader(settings), first)).outcome).toMatchObject({ sent: 1 });
    expect(await held()).toEqual(below('rebuild', first));
    expect(fetched).toHaveLength(1);
  });

  it('takes from the mirror what left the publication, and nothing else, as soon as the mirror can be reached', async () => {
    const { port, user } = await pinnedSshd();
    const settings = { host: `${user}@127.0.0.1:${port}`, basedir: mirror };
    await upload(await openUploader(settings), first);
    const theirs = { 'rebuild/debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.ffffffff.link': 'of others' };
    for (const [path, text] of Object.entries(theirs)) await writeFile(join(mirror, path), text);
    const { [quotedName]: _one, 'qubesos/results/qubesos.json': _other, ...left } = first;
    await writeFile(join(dir, 'sshd/authorized_keys'), '');
    await failureOf(upload(await openUploader(settings), left));
    expect(await held()).toEqual({ ...below('rebuild', first), ...theirs });
    await writeFile(join(dir, 'sshd/authorized_keys'), await readFile(`${sshd?.clientKey}.pub`), {
      mode: 0o600,
    });
    const uploader = await openUploader(settings);
    await upload(uploader, left);
    expect(await held()).toEqual({ ...below('rebuild', left), ...theirs });
    await upload(uploader, first);
    expect(await held()).toEqual({ ...below('rebuild', first), ...theirs });
  });

  it("sends nothing when the mirror's host key has changed, and goes on when it is put right", async () => {
    const { port, user } = await pinnedSshd();
    const settings = { host: `${user}@127.0.0.1:${port}`, basedir: mirror };
    await writeFile(join(dir, 'state/ssh/known_hosts'), await otherHostKey(port));
    const uploader = await openUploader(settings);
    const failure = await failureOf(upload(uploader, first));
    expect(failure.code).toBe('archive-untrusted');
    expect(failure.fault).toBe('ours');
    expect(failure.say).toContain('known_hosts');
    expect(failure.say).toContain('nothing was sent');
    expect(await held()).toEqual({});

    fetched = [];
    await writeFile(join(dir, 'state/ssh/known_hosts'), sshd?.knownHost ?? '');
    expect((await upload(uploader, first)).outcome).toMatchObject({ sent: 6 });
    expect(fetched).toHaveLength(1);
    expect(await held()).toEqual(below('rebuild', first));
  });

  it('never learns a host key by itself', async () => {
    const { port, user } = await pinnedSshd();
    await writeFile(join(dir, 'state/ssh/known_hosts'), '');
    const uploader = await openUploader({ host: `${user}@127.0.0.1:${port}`, basedir: mirror });
    expect((await failureOf(upload(uploader, first))).code).toBe('archive-untrusted');
    expect(await readFile(join(dir, 'state/ssh/known_hosts'), 'utf8')).toBe('');
    await rm(join(dir, 'state/ssh/known_hosts'));
    expect((await failureOf(upload(uploader, first))).say).toMatch(/not pinned.*ssh-keyscan/);
    expect(await held()).toEqual({});
  });

  it('says so when the mirror does not take the key, or is not there', async () => {
    const { port, user } = await pinnedSshd();
    const uploader = await openUploader({ host: `${user}@127.0.0.1:${port}`, basedir: mirror });
    await writeFile(join(dir, 'sshd/authorized_keys'), '');
    const refused = await failureOf(upload(uploader, first));
    expect(refused.code).toBe('archive-unreachable');
    expect(refused.say).toContain('authorized_keys');
    await sshd?.stop();
    sshd = undefined;
    const gone = await failureOf(upload(uploader, first));
    expect(gone.code).toBe('archive-unreachable');
    expect(gone.say).toMatch(/Connection refused/);
  });

  it('keeps what arrived before it was stopped, and sends the rest the next time', async () => {
    const { port, user } = await pinnedSshd();
    const settings = { host: `${user}@127.0.0.1:${port}`, basedir: mirror };
    const stop = new AbortController();
    const files = { ...first, ...many(1_000) };
    const stopped = upload(await openUploader(settings), files, stop.signal);
    stopped.catch(() => {});
    const begun = () => readdir(join(mirror, 'rebuild')).catch(() => []);
    while ((await begun()).length === 0) await systemClock.sleep(2);
    stop.abort(new Error('told to stop'));
    await expect(stopped).rejects.toThrow();
    const arrived = await held();
    for (const [path, text] of Object.entries(arrived)) {
      if (!path.includes('/.')) expect(text, path).toBe(files[path.slice('rebuild/'.length)]);
    }
    await upload(await openUploader(settings), files);
    expect(await held()).toEqual(below('rebuild', files));
  });
});

describe('uploading to a folder', () => {
  it('writes names after what they name', async () => {
    const object = join(mirror, 'rebuild/debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link');
    await mkdir(join(object, 'in the way'), { recursive: true });
    const uploader = await openUploader({ basedir: mirror });
    const failure = await failureOf(upload(uploader, first));
    expect(failure.code).toBe('archive-unreachable');
    expect(Object.keys(await held()).filter((path) => path.endsWith('/metadata'))).toEqual([]);
    expect(Object.keys(await held()).filter((path) => path.includes('/results/'))).toEqual([]);

    await rm(object, { recursive: true });
    await upload(uploader, first);
    expect(await held()).toEqual(below('rebuild', first));
  });

  it('keeps the tree here where no mirror is configured', async () => {
    const done = await upload(await openUploader({}), first);
    expect(done.outcome).toMatchObject({
      status: 'done',
      sent: 0,
      say: expect.stringContaining('no mirror'),
    });
    expect(await readFile(join(dir, 'state/rebuild', epochLink), 'utf8')).toBe('link of libcap2');
  });

  it('fails with the reason when the folder cannot be written', async () => {
    await chmod(mirror, 0o500);
    const basedir = join(mirror, 'missing/deeper');
    const failure = await failureOf(upload(await openUploader({ basedir }), first));
    expect(failure.code).toBe('archive-unreachable');
    expect(failure.say).toMatch(/mkdir|No such file/);
  });
});

function many(count: number): Files {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`debian/objects/${i}`, `${i} `.repeat(20_000)]),
  );
}

/** A pinned line for the same host with a key that is not the host's. */
async function otherHostKey(port: number): Promise<string> {
  const path = join(dir, 'other_key');
  await makeKey(path);
  const [type, key] = (await readFile(`${path}.pub`, 'utf8')).split(' ');
  return `[127.0.0.1]:${port} ${type} ${key?.trim()}\n`;
}
