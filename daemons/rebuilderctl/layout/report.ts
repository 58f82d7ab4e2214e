import { type Layout, parseLayout } from '../../lib/domain/layout.ts';
import type { JsonObject, Signature } from '../../lib/domain/metablock.ts';
import { checkLayout } from '../../lib/layout/check.ts';
import { about, type Finding } from '../../lib/layout/findings.ts';
import type { Context } from '../context.ts';
import { writeWhole } from '../write-file.ts';
import { layoutText, type Signed } from './document.ts';

/** What programs are told of a layout. */
interface LayoutReport {
  readonly file: string;
  readonly expires: string;
  readonly threshold: number | null;
  readonly rebuilders: readonly string[];
  /** Claims: only the owners that were named have been verified. */
  readonly signedBy: readonly string[];
  readonly findings: readonly Finding[];
}

export function reportOf(
  file: string,
  layout: Layout,
  signatures: readonly Signature[],
  findings: readonly Finding[],
): LayoutReport {
  const step = layout.steps.find(({ name }) => name === 'rebuild');
  return {
    file,
    expires: layout.expires,
    threshold: step?.threshold ?? null,
    rebuilders: step?.pubkeys ?? [],
    signedBy: signatures.map(({ keyid }) => keyid),
    findings: findings.map((found) => about(file, found)),
  };
}

/** Until when, how many of whom, signed by whom: one line. */
export function outlineOf({ expires, threshold, rebuilders, signedBy }: LayoutReport): string {
  const asked =
    threshold === null ? 'no step rebuild' : `asks for ${threshold} of ${rebuilders.length} rebuilders`;
  return `valid until ${expires}, ${asked}, ${signedBy.length === 0 ? 'not signed' : `signed by ${signedBy.join(' ')}`}`;
}

export function linesOf({
  code,
  say,
  next,
}: Readonly<{ code: string; say: string; next: string }>): readonly string[] {
  return [`${code}: ${say}`, `  ${next}`];
}

/** Refuses what in-toto would not load, before anybody signs it. */
export function refuseUnloadable(layout: Layout): void {
  parseLayout(JSON.parse(JSON.stringify(layout)) as JsonObject);
}

/** Writes a layout, and tells what became of the file and what is left to be done about it. */
export async function deliverLayout(
  { terminal, clock }: Context,
  file: string,
  { document, owners }: Signed,
  options: Readonly<{ replace: boolean; json: boolean; before?: readonly Signature[] }>,
): Promise<void> {
  const { replaced } = await writeWhole(file, layoutText(document), options);
  const { signed: layout, signatures } = document;
  // Who has just said until when need not be told that it is soon.
  const findings = checkLayout({ layout, signatures, owners, rebuilders: [], now: clock.now() }).filter(
    ({ code }) => code !== 'expires-soon',
  );
  const report = reportOf(file, layout, signatures, findings);
  const dropped = (options.before ?? [])
    .map(({ keyid }) => keyid)
    .filter((keyid) => !report.signedBy.includes(keyid));
  if (options.json) {
    terminal.json({ ...report, replaced, dropped });
    return;
  }
  terminal.note(`${file}: ${replaced ? 'replaced' : 'written'}: ${outlineOf(report)}`);
  for (const line of report.findings.flatMap(linesOf)) terminal.note(line);
  for (const keyid of dropped) {
    terminal.note(
      `dropped: the signature by ${keyid}; rebuilderctl layout sign ${file} --append --owner-key OWNER adds a new one`,
    );
  }
}
