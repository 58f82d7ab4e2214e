import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** in-toto's own programs: those of Debian 12, and the newest (test/support/in-toto/newest.txt). */

type Tool = 'verify' | 'run' | 'record' | 'sign';

export interface InToto {
  readonly version: string;
  /** Runs `in-toto-TOOL`; `ok` or everything that it printed. */
  run(tool: Tool, args: readonly string[], folder: string): string;
}

function inFolder(bin: string): InToto {
  const version = execFileSync(`${bin}/in-toto-verify`, ['--version'], { encoding: 'utf8' }).trim();
  return {
    version,
    run(tool, args, folder) {
      try {
        execFileSync(`${bin}/in-toto-${tool}`, args, { cwd: folder, stdio: 'pipe', maxBuffer: 2 ** 28 });
        return 'ok';
      } catch (error) {
        const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
        return `${stdout}${stderr}` || String(error);
      }
    },
  };
}

export function bothInTotos(): readonly InToto[] {
  return [
    inFolder('/usr/bin'),
    inFolder(fileURLToPath(new URL('../../../build/in-toto/bin', import.meta.url))),
  ];
}
