import { callers } from '../../daemons/lib/contracts/contract.ts';
import { callerTag, disposableBases, doorQubes, suiteTag } from '../../daemons/lib/contracts/qubes.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../daemons/lib/contracts/split-gpg.ts';
import type { QubeFacts } from '../../daemons/standalone/policy/system.ts';

const ordinary = {
  type: 'AppVM',
  tags: [],
  powerState: 'Running',
  templateForDispvms: false,
  defaultDispvm: 'default-dvm',
} as const;

/** The admin qube is the operator's own, and no part of the suite. */
const roles = callers.filter((caller) => caller !== 'admin');

/** A machine with every qube of the suite, ones that are no part of it, and Qubes' own. */
export const qubes: readonly QubeFacts[] = [
  { ...ordinary, name: 'dom0', type: 'AdminVM' },
  { ...ordinary, name: 'sys-net' },
  { ...ordinary, name: 'debian-13', type: 'TemplateVM' },
  { ...ordinary, name: 'default-dvm', templateForDispvms: true },
  { ...ordinary, name: 'work' },
  { ...ordinary, name: 'rebuilder-admin', tags: [callerTag('admin')] },
  ...roles.map(
    (role): QubeFacts => ({ ...ordinary, name: `rebuilder-${role}`, tags: [suiteTag, callerTag(role)] }),
  ),
  ...Object.values(doorQubes).map((name): QubeFacts => ({ ...ordinary, name, tags: [suiteTag] })),
  ...Object.values(disposableBases).map(
    (name): QubeFacts => ({ ...ordinary, name, tags: [suiteTag], templateForDispvms: true }),
  ),
  { ...ordinary, name: 'disp7', type: 'DispVM', tags: [suiteTag] },
];

export const sources = qubes.map(({ name }) => name).filter((name) => name !== 'dom0');

export const targets = [
  '@default',
  '@adminvm',
  '@dispvm',
  'nosuch',
  ...qubes.map(({ name }) => name),
  ...['default-dvm', ...Object.values(disposableBases)].map((name) => `@dispvm:${name}`),
];

type Call = readonly [service: string, argument: string];

/** Every service of the suite, each with its arguments, with one too many, and with none. */
export const ownCalls: readonly Call[] = [
  ...services.flatMap(({ service, allowed }) =>
    [...new Set([...Object.keys(allowed), '', 'other', 'get+x'])].map(
      (argument): Call => [service, argument],
    ),
  ),
  ...splitGpgServices.flatMap(({ service }): Call[] => [
    [service, ''],
    [service, 'x'],
  ]),
];

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
  ['qubes.ConnectTCP', '22'],
  ['qubes.StartApp', 'firefox'],
];

/** What a call comes to by this policy: where it goes, whether it is denied, or left to the policy files after it. */
export type Outcome = Readonly<{ to: string }> | 'denied' | 'left';

/** What DESIGN §3 says of a call. */
export function designed(source: string, [service, argument]: Call, target: string): Outcome {
  // A name that does not exist asks for the default.
  const named = target === 'nosuch' ? '@default' : target === '@adminvm' ? 'dom0' : target;
  const to = designedTarget(source, [service, argument], named);
  if (to !== undefined) return { to };
  const isOwn = services.some((known) => known.service === service);
  const isOf = (name: string) => qubes.find((qube) => qube.name === name)?.tags.includes(suiteTag) ?? false;
  if (isOf(source) || (isOwn && named !== 'dom0') || isOf(named)) return 'denied';
  return 'left';
}

function designedTarget(source: string, [service, argument]: Call, named: string): string | undefined {
  const caller = callers.find((role) => `rebuilder-${role}` === source);
  const isDoor = (Object.values(doorQubes) as string[]).includes(source);
  if (service === 'qubes.GetDate') {
    return named === '@default' && (isDoor || (caller !== undefined && caller !== 'admin'))
      ? 'dom0'
      : undefined;
  }
  if (caller === undefined) return undefined;
  if (service === 'qubes.NotifyUpdates') {
    return named === 'dom0' && ['getter', 'uploader', 'webhook'].includes(caller) ? 'dom0' : undefined;
  }
  const gpg = splitGpgServices.find((known) => known.service === service);
  if (gpg !== undefined) {
    const mayCall = argument === '' && (gpg.callers as readonly string[]).includes(caller);
    return mayCall && ['@default', doorQubes.vault].includes(named) ? doorQubes.vault : undefined;
  }
  const known = services.find((other) => other.service === service);
  if (known === undefined || !(known.allowed[argument] ?? []).includes(caller)) return undefined;
  if (known.door !== 'disposable') return named === '@default' ? doorQubes[known.door] : undefined;
  if (named !== '@dispvm') return undefined;
  return `@dispvm:${argument === 'rpm' ? disposableBases.fedora : disposableBases.debian}`;
}
