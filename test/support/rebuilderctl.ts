import { ProgramError, run } from '../../daemons/lib/daemon/program.ts';

/** What `rebuilderctl rebuild --json` prints. */
export type RebuildResult = Readonly<{
  source: string;
  version: string;
  environment: 'buildinfo' | 'inferred';
  verdict: 'reproducible' | 'unreproducible' | 'failure';
  code: string | null;
  files: readonly Readonly<{
    name: string;
    officialSha256: string | null;
    rebuiltSha256: string | null;
    verdict: string;
  }>[];
  seconds: Readonly<Record<'get' | 'inputs' | 'environment' | 'build' | 'attest', number | null>>;
}>;

export type RebuildAnswer = Readonly<{ result: RebuildResult; exitCode: number; stderr: string }>;

/** Runs the checkout's own command line, as an operator would. */
export async function rebuild(
  source: string,
  suite: string,
  buildinfos: readonly string[] = [],
  more: Readonly<{ args?: readonly string[]; env?: Readonly<Record<string, string>> }> = {},
): Promise<RebuildAnswer> {
  const args = ['rebuild', source, '--suite', suite, '--json', ...(more.args ?? [])];
  for (const buildinfo of buildinfos) args.push('--buildinfo', buildinfo);
  const { stdout, stderr, exitCode } = await rebuilderctl(args, more.env);
  return { result: JSON.parse(stdout) as RebuildResult, exitCode, stderr };
}

/** Runs `build/bin/rebuilderctl`; a non-zero exit is an answer, not an error. */
export async function rebuilderctl(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  try {
    const { stdout, stderr } = await run('build/bin/rebuilderctl', args, { timeoutMs: 1_800_000, env });
    return { stdout: stdout.toString(), stderr, exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ProgramError) || error.exitCode === undefined) throw error;
    return { stdout: error.stdout.toString(), stderr: error.stderr, exitCode: error.exitCode };
  }
}
