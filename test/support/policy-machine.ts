import { services } from '../../daemons/lib/contracts/services.ts';
import type { QubeFacts } from '../../daemons/standalone/policy/system.ts';
import { allowedCalls } from './policy-verdicts.ts';

const ordinary = {
  type: 'AppVM',
  tags: [],
  powerState: 'Running',
  templateForDispvms: false,
  defaultDispvm: 'default-dvm',
} as const;

const suite = 'package-rebuilder';

/** A qube by the word that `policy-verdicts.ts` has for whoever calls; the operator's admin qube is no part of the suite. */
type KnownQube = QubeFacts & Readonly<{ caller?: string }>;

const ofCaller = (caller: string, name = `rebuilder-${caller}`): KnownQube => ({
  ...ordinary,
  name,
  caller,
  tags: [suite, `${suite}-${caller}`],
});
/** What answers is known by its name, and has the suite's tag alone. */
const door = (caller: string): KnownQube => ({
  ...ordinary,
  name: `rebuilder-${caller}`,
  caller,
  tags: [suite],
});
const template = (name: string): KnownQube => ({
  ...ordinary,
  name,
  type: 'TemplateVM',
  tags: [`${suite}-template`],
});
const base = (name: string): KnownQube => ({ ...ordinary, name, tags: [suite], templateForDispvms: true });

/** A machine with every qube of the suite, ones that are no part of it, and Qubes' own. */
export const qubes: readonly KnownQube[] = [
  { ...ordinary, name: 'dom0', type: 'AdminVM' },
  { ...ordinary, name: 'sys-net' },
  { ...ordinary, name: 'debian-13', type: 'TemplateVM' },
  { ...ordinary, name: 'default-dvm', templateForDispvms: true },
  { ...ordinary, name: 'work' },
  { ...ordinary, name: 'rebuilder-admin', caller: 'admin', tags: [`${suite}-admin`] },
  ...['getter', 'attester', 'reporter', 'uploader', 'webhook'].map((caller) => ofCaller(caller)),
  ...['rebuilder-worker', 'rebuilder-worker-2'].map((name) => ofCaller('rebuilder', name)),
  ...['orchestrator', 'vault'].map(door),
  ...['rebuilder-tpl-debian', 'rebuilder-tpl-fedora'].map(template),
  ...['rebuilder-dvm-debian', 'rebuilder-dvm-fedora'].map(base),
  { ...ordinary, name: 'disp7', type: 'DispVM', tags: [suite] },
  { ...ordinary, name: 'disp8', type: 'DispVM' },
];

export const sources = qubes.map(({ name }) => name).filter((name) => name !== 'dom0');

export const targets = [
  '@default',
  '@adminvm',
  '@dispvm',
  'nosuch',
  ...qubes.map(({ name }) => name),
  ...['default-dvm', 'rebuilder-dvm-debian', 'rebuilder-dvm-fedora'].map((name) => `@dispvm:${name}`),
];

type Call = readonly [service: string, argument: string];

const written = allowedCalls.map((line): Call => {
  const [service = '', argument = ''] = (line.split(' ')[1] ?? '').split('+');
  return [service, argument];
});
const ownServices = [
  ...new Set(written.map(([service]) => service).filter((name) => name.startsWith('rebuilder.'))),
];

/** Every service of the suite and split-GPG, each with the arguments that contracts or the table name, with others, and with none. */
export const ownCalls: readonly Call[] = distinct([
  ...services.flatMap(({ service, allowed }) =>
    Object.keys(allowed).map((argument): Call => [service, argument]),
  ),
  ...written.filter(([service]) => ownServices.includes(service)),
  ...[...ownServices, 'qubes.Gpg', 'qubes.Gpg2'].flatMap((service) =>
    ['', 'other', 'get+x'].map((argument): Call => [service, argument]),
  ),
]);

function distinct(calls: readonly Call[]): readonly Call[] {
  return [...new Map(calls.map((call) => [call.join('+'), call])).values()];
}

/** What Qubes ships, by its default policy (qubes-core-admin, qubes-rpc-policy/90-default.policy) and others, and none of all. */
export const otherCalls: readonly Call[] = [
  ...[
    'policy.RegisterArgument',
    'qubes.ConnectTCP',
    'qubes.FeaturesRequest',
    'qubes.Filecopy',
    'qubes.GetDate',
    'qubes.GetImageRGBA',
    'qubes.GetRandomizedTime',
    'qubes.Notifications',
    'qubes.NotifyTools',
    'qubes.NotifyUpdates',
    'qubes.OpenInVM',
    'qubes.OpenURL',
    'qubes.StartApp',
    'qubes.SyncAppMenus',
    'qubes.UpdatesProxy',
    'qubes.VMExec',
    'qubes.VMExecGUI',
    'qubes.VMRootShell',
    'qubes.VMShell',
    'qubes.ReceiveUpdates',
    'qubes.GpgImportKey',
    'qubes.InputKeyboard',
    'qubes.PdfConvert',
    'qubes.WaitForSession',
    'qubes.WindowIconUpdater',
    'admin.vm.List',
    'admin.vm.Start',
    'nobody.KnowsIt',
  ].map((service): Call => [service, '']),
  ['qubes.GetDate', 'nanoseconds'],
  ['qubes.NotifyUpdates', 'x'],
  ['qubes.ConnectTCP', '22'],
  ['qubes.StartApp', 'firefox'],
];

/** What a call comes to by this policy: where it goes, whether it is denied, or left to the policy files after it. */
export type Outcome = Readonly<{ to: string }> | 'denied' | 'left';

/** What has to come of a call: as the table says, else denied, if it concerns the suite at all. */
export function designed(source: string, [service, argument]: Call, target: string): Outcome {
  // A name that does not exist asks for the default.
  const named = target === 'nosuch' ? '@default' : target === '@adminvm' ? 'dom0' : target;
  const known = (name: string) => qubes.find((qube) => qube.name === name);
  const { caller } = known(source) ?? {};
  for (const asked of [argument, '*']) {
    const line = `${caller} ${service}+${asked} ${named} `;
    const found = allowedCalls.find((allowed) => allowed.startsWith(line));
    if (found !== undefined) return { to: found.slice(line.length) };
  }
  const isOf = (name: string) => known(name)?.tags.includes(suite) ?? false;
  if (isOf(source) || (ownServices.includes(service) && named !== 'dom0') || isOf(named)) return 'denied';
  return 'left';
}
