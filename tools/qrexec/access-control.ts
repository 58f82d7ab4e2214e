import type { Caller } from '../../daemons/lib/contracts/contract.ts';
import { callerTag, doorQubes, suiteTag } from '../../daemons/lib/contracts/qubes.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../daemons/lib/contracts/split-gpg.ts';
import type { Generated } from './generated.ts';

type Service = (typeof services)[number];

/** Why a caller needs a call, by the service and, where that is not all, its argument. */
const reasons: Readonly<Record<string, string>> = {
  'rebuilder.Lease':
    'A worker asks for work; nobody pushes it. A lease belongs to one qube, until a deadline.',
  'rebuilder.Renew':
    'Without it a worker that died would hold its job for ever. It carries progress and the end of the log.',
  'rebuilder.Fetch': 'What a leased job is made of, and of that job alone.',
  'rebuilder.Return': 'The outcome of a leased job, once.',
  'rebuilder.Trigger+get':
    'Archives are read now instead of with the next beat. A webhook may ask for no more.',
  'rebuilder.Trigger+rebuild': 'One package, before all others.',
  'rebuilder.Trigger+report': 'Pages are made now.',
  'rebuilder.Trigger+upload': 'The mirror is brought up to date now.',
  'rebuilder.Control+cancel': 'Ends work that nobody wants.',
  'rebuilder.Control+requeue': 'Has work done again.',
  'rebuilder.Control+pause': 'Lends nothing of a queue.',
  'rebuilder.Control+resume': 'Lends again.',
  'rebuilder.Control+drain': 'Lets a qube end what it holds, and lends it nothing more.',
  'rebuilder.Control+resign': 'Has signed again what a revoked key signed.',
  'rebuilder.Query+status': 'The state of the line, for people.',
  'rebuilder.Query+jobs': 'What waits and what runs.',
  'rebuilder.Query+results': 'Verdicts; the reporter makes pages of them.',
  'rebuilder.Query+result': 'One verdict whole.',
  'rebuilder.Query+history': 'Every verdict that a build had.',
  'rebuilder.Query+signed': 'What a key has signed, before it is revoked.',
  'rebuilder.Query+log': 'Logs of builds: text that strangers wrote.',
  'rebuilder.Query+metrics': 'Counts for monitoring.',
  'rebuilder.Query+object': 'A file of a result or of the publication.',
  'rebuilder.Query+publication': 'What is published.',
  'rebuilder.Build+deb':
    'One build in a fresh disposable without a network. The argument names the base: no caller can choose another.',
  'rebuilder.Build+rpm': 'The same on Fedora.',
  'rebuilder.Diff': 'diffoscope reads what strangers made: in a disposable, too.',
  'rebuilder.Sign+reproducible':
    'A statement that files came out again. The vault reads it, and signs nothing else by that key.',
  'rebuilder.Sign+unreproducible': 'A statement that they did not, by another key.',
  'rebuilder.Sign+manifest': 'What a publication holds, with a counter that only grows.',
  'qubes.Gpg': 'An OpenPGP signature of a link by split-GPG: the vault sees the document.',
  'qubes.Gpg2': 'The same by split-GPG 2: the vault sees a digest.',
};

/** docs/access-control.md: each rule of the policy, and why it is there. */
export function accessControl(): Generated {
  const text = `${head}
${services.map(sectionOf).join('\n')}
${splitGpgServices.map(splitGpgSection).join('\n')}
${tail}`;
  return { path: 'docs/access-control.md', kind: 'text', text, executable: false };
}

const head = `# Access control

Generated from \`daemons/lib/contracts\` by \`npm run generate\`, as is \`qrexec/policy/31-package-rebuilder.policy\`, which dom0 judges every call by.

A caller is known by its qube's tag, what answers by its name: \`${doorQubes.orchestrator}\`, \`${doorQubes.vault}\`, or a disposable of a named
base. Whoever may give a qube such a tag may let it call; in Qubes OS that is dom0. Callers name no target (\`@default\`, for disposables
\`@dispvm\`): the rule does. A decision of your own goes into \`30-user.policy\`, which is read before.

The same file judges the calls of a standalone line, by its broker.
`;

const tail = `## What the qubes need of Qubes' own services

\`qubes.GetDate\`, answered by dom0: archives' and signatures' dates are checked. \`qubes.NotifyUpdates\`, to dom0, from the qubes that have a
network: how Qubes learns that a template has updates.

## What nobody may do

- \`* * @tag:${suiteTag} * deny notify=no\`: no qube of the suite calls anything else, dom0 included. Qubes' defaults let every qube start programs in
  \`@dispvm\`, and that may have a network. Disposables and their bases have this tag alone: they call nobody.
- Each service of the suite is denied to everybody else, wherever it is asked of.
- No other qube calls any service of a qube of the suite: by name for the two doors, should they lose their tags, and by tag for the others.
`;

function sectionOf({ service, door, allowed }: Service): string {
  const calls = Object.entries(allowed).map(([argument, callers]) => ({
    call: argument === '' ? service : `${service}+${argument}`,
    callers,
  }));
  return section(service, door, calls);
}

function splitGpgSection({ service, door, callers }: (typeof splitGpgServices)[number]): string {
  return section(service, door, [{ call: service, callers }]);
}

/** A reason that is the same for all calls of a service stands above them. */
function section(
  service: string,
  door: string,
  calls: readonly Readonly<{ call: string; callers: readonly Caller[] }>[],
): string {
  const shared = reasons[service];
  const rows = calls.map(
    ({ call, callers }) =>
      `| \`${call}\` | ${tagsOf(callers)} |${shared === undefined ? ` ${reasonOf(call)} |` : ''}`,
  );
  const heading = `## ${service}, in the ${door}\n\n${shared === undefined ? '' : `${shared}\n\n`}`;
  const columns =
    shared === undefined ? '| call | caller | why |\n|---|---|---|' : '| call | caller |\n|---|---|';
  return `${heading}${columns}\n${rows.join('\n')}\n`;
}

function tagsOf(callers: readonly Caller[]): string {
  return callers.map((caller) => `\`@tag:${callerTag(caller)}\``).join(', ');
}

function reasonOf(call: string): string {
  const reason = reasons[call];
  if (reason === undefined) throw new Error(`${call}: access-control.ts does not say why it is allowed`);
  return reason;
}
