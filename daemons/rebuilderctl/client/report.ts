import { linesOf } from '../layout/report.ts';
import type { Terminal } from '../terminal.ts';
import type { ClientReport } from './check.ts';
import type { Delivered } from './deliver.ts';
import type { ClientFinding } from './findings.ts';
import type { Installation } from './install.ts';
import type { LeftSource } from './rewrite-sources.ts';
import type { Root } from './root.ts';
import type { Settings } from './settings.ts';

/** What programs are told of an installation. */
export interface InstallReport extends Delivered {
  readonly settings: Settings;
  readonly layout: Readonly<{ expires: string; threshold: number | null }>;
  /** Sources that stay as they are. */
  readonly left: readonly LeftSource[];
  readonly findings: readonly ClientFinding[];
}

export function reportOf(
  { settings, layout, left, findings }: Installation,
  delivered: Delivered,
): InstallReport {
  const threshold = layout.steps.find(({ name }) => name === 'rebuild')?.threshold ?? null;
  return { ...delivered, settings, layout: { expires: layout.expires, threshold }, left, findings };
}

/** What was done is said already; this is what comes of it, and what is left to do. */
export function tellReport(terminal: Terminal, root: Root, report: InstallReport): void {
  const { settings, layout, left, findings, applied, changes } = report;
  const { rebuilders, owners, noFail } = settings;
  terminal.note(
    `apt asks ${rebuilders.join(' ')} and wants ${layout.threshold ?? 'no'} of them to agree, by a layout valid until ${layout.expires}, signed by ${owners.join(' ')}; ${noFail ? 'it installs what too few of them have a link for' : 'it installs nothing else'}`,
  );
  for (const { uri, path, why } of left) {
    const reason = {
      https:
        'apt-transport-in-toto speaks only http to an archive: name a mirror that serves http there, or install package-rebuilder-client first, whose intoto+https:// it becomes then',
      other: 'only http:// and https:// sources can be converted',
    }[why];
    terminal.note(`left as it is: ${uri} in ${root.shown(path)}: ${reason}`);
  }
  for (const line of findings.flatMap(linesOf)) terminal.note(line);
  if (applied && changes.some(({ path }) => path.startsWith('/etc/apt/sources.list'))) {
    terminal.note('Now: apt-get clean (what is in its cache is not verified again), then apt-get update.');
  }
}

/** What apt does, in one line. */
export function outlineOf({ method, rebuilders, layout, noFail, sources }: ClientReport): string {
  const asks = `asks ${rebuilders.length} rebuilder${rebuilders.length === 1 ? '' : 's'}`;
  const judges =
    layout === null
      ? 'has no layout'
      : `wants ${layout.threshold ?? 'no'} to agree by ${layout.file}, valid until ${layout.expires}`;
  const verified = `${sources.verified.length} of ${sources.verified.length + sources.others.length} sources verified`;
  return `apt ${asks}, ${judges}, ${noFail ? 'NoFail' : 'strict'}; ${verified}; method: ${method}`;
}
