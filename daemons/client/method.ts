import { Configuration } from './apt/configuration.ts';
import { codes, fieldOf, formatMessage, type ReceivedMessage } from './apt/message.ts';
import { fetchedFile } from './apt/package-file.ts';
import type { Between } from './apt/relay.ts';
import { JudgeProcess } from './judge-process.ts';
import type { Report } from './report.ts';
import { readSettings, type Settings } from './settings.ts';
import { readTrust, type Trust, TrustError } from './trust.ts';

export interface MethodOptions {
  /** Starts this program as the judge. */
  readonly judge: readonly [program: string, ...args: string[]];
  readonly report: Report;
  /** Takes messages for apt. */
  readonly send: (message: Buffer) => void;
  /** The variables that proxies go by. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Configured {
  readonly settings: Settings;
  readonly message: Buffer;
  readonly trust: Trust | TrustError;
}

/** What the method does between apt and the http method, with the rights that apt started it with. */
export class Method implements Between {
  readonly #options: MethodOptions;
  #configured: Configured | undefined;
  #judge: Promise<JudgeProcess> | undefined;

  constructor(options: MethodOptions) {
    this.#options = options;
  }

  /** Reads the layout and the owners' keys, which perhaps only root may. */
  async configure(message: ReceivedMessage): Promise<void> {
    const { report, env } = this.#options;
    const { settings, notes } = readSettings(new Configuration(message), env);
    report.level = settings.logLevel;
    for (const note of notes) report.warning(note);
    this.#configured = { settings, message: message.raw, trust: await this.#readTrust(settings) };
  }

  /** Lets what is no package pass; about a package the judge answers. */
  fetched(done: ReceivedMessage): Buffer | undefined {
    const { report, send } = this.#options;
    const uri = fieldOf(done, 'URI') ?? '';
    const refusal = (why: string) => formatMessage(codes.uriFailure, `in-toto ${why}`, uri);
    if (this.#configured === undefined) return refusal('has nothing to judge by: apt sent no configuration');
    const { settings, trust } = this.#configured;
    const file = fetchedFile(done, settings.archives);
    if (file === 'other') {
      report.debug(`passed without verification: ${uri}`);
      return done.raw;
    }
    if ('unjudged' in file) return refusal(`refuses ${file.unjudged}`);
    if (trust instanceof TrustError) return refusal(`refuses ${file.fileName}: ${trust.message}`);
    this.#judge ??= this.#startJudge(this.#configured, trust);
    this.#judge.then(
      (judge) => judge.judge(uri, done.raw),
      (error: Error) => send(refusal(`cannot judge ${file.fileName}: ${error.message}`)),
    );
    return undefined;
  }

  async settled(): Promise<void> {
    const judge = await this.#judge?.catch(() => undefined);
    await judge?.settled();
  }

  async #readTrust(settings: Settings): Promise<Trust | TrustError> {
    try {
      return await readTrust(settings);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      this.#options.report.warning(`no package will be installed: ${error.message}`);
      return error;
    }
  }

  #startJudge({ settings, message }: Configured, trust: Trust): Promise<JudgeProcess> {
    const { judge: command, send } = this.#options;
    return JudgeProcess.start({
      command,
      user: settings.sandboxUser,
      configuration: message,
      trust,
      send,
    });
  }
}
