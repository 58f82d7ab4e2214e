import type { Readable } from 'node:stream';
import type { Clock } from '../lib/daemon/clock.ts';
import { maxMetablockBytes } from '../lib/domain/metablock.ts';
import { Configuration } from './apt/configuration.ts';
import { codes, fieldOf, formatMessage, type ReceivedMessage, readMessages } from './apt/message.ts';
import { fetchedFile } from './apt/package-file.ts';
import { readCertificates } from './fetch/certificates.ts';
import { Fetcher } from './fetch/http.ts';
import { Rebuilders } from './fetch/metadata.ts';
import { Judge } from './judge.ts';
import type { Report } from './report.ts';
import { readSettings, type Settings } from './settings.ts';
import { parseTrust, type Trust } from './trust.ts';

export interface ServeJudgeOptions {
  readonly input: Readable;
  /** Takes messages for apt. */
  readonly send: (message: Buffer) => void;
  readonly report: Report;
  readonly clock: Clock;
  /** The variables that proxies go by. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The other side of `JudgeProcess`: reads the configuration, what to trust, then a 201 for each package, and answers each
 * as soon as it is judged, until its input ends.
 *
 * @throws MessageError
 */
export async function serveJudge(options: ServeJudgeOptions): Promise<void> {
  const { report, env, send } = options;
  let settings: Settings | undefined;
  let judge: Judge | undefined;
  for await (const message of readMessages(options.input, 'the method')) {
    if (message.code === codes.configuration) {
      settings = readSettings(new Configuration(message), env).settings;
      report.level = settings.logLevel;
    } else if (message.code === codes.trust && settings !== undefined) {
      judge = makeJudge(settings, parseTrust(message), options.clock);
    } else if (message.code === codes.uriDone && settings !== undefined && judge !== undefined) {
      void answerTo(message, judge, settings, report).then(send);
    }
  }
}

function makeJudge(settings: Settings, trust: Trust, clock: Clock): Judge {
  const fetcher = new Fetcher({
    clock,
    proxies: settings.proxies,
    certificates: () => readCertificates(settings.certificatesFile),
    timeoutMs: settings.timeoutMs,
    maxBytes: maxMetablockBytes,
  });
  const rebuilders = new Rebuilders(settings.rebuilders, (uri) => fetcher.get(uri));
  return new Judge({ trust, rebuilders, noFail: settings.noFail, clock });
}

async function answerTo(
  done: ReceivedMessage,
  judge: Judge,
  settings: Settings,
  report: Report,
): Promise<Buffer> {
  const uri = fieldOf(done, 'URI');
  const refused = (why: string) => formatMessage(codes.uriFailure, why, uri);
  const file = fetchedFile(done, settings.archives);
  if (file === 'other' || 'unjudged' in file)
    return refused('in-toto was given something else than a package');
  try {
    report.status(`Asking rebuilders about ${file.package} ${file.version}`, uri);
    const { kind, say, troubles } = await judge.judge(file);
    for (const trouble of troubles) report.warning(trouble);
    if (kind === 'refused') return refused(say);
    if (kind === 'forgiven') report.warning(say, uri);
    else report.info(say);
    return done.raw;
  } catch (error) {
    return refused(`in-toto cannot judge ${file.fileName}: ${(error as Error).message}`);
  }
}
