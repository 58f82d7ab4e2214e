import type { DaemonRole } from '../../lib/domain/roles.ts';
import { type DoctorFinding, findingOf } from './findings.ts';
import { needs } from './needs.ts';

/** What is so here. Sizes in MiB. */
export interface QubeFacts {
  readonly qube: string;
  /** On Qubes OS; elsewhere several roles share the host's memory and disk. */
  readonly isQubes: boolean;
  readonly memory: number;
  readonly roles: readonly RoleFacts[];
}

export interface RoleFacts {
  readonly role: DaemonRole;
  readonly state: Readonly<{ path: string; size: number; free: number; lasts: boolean }>;
  readonly missing: readonly string[];
  /** Why its configuration cannot be used. */
  readonly configuration: string | undefined;
  /** The user of its unit, where that is not in the group that may make calls. */
  readonly outsider: string | undefined;
  /** What systemd says of its unit; undefined where no systemd runs. */
  readonly unit: string | undefined;
}

/** MiB that a file system keeps for others when it is nearly full. */
const leastFree = 200;
/** What the kernel and the hypervisor keep of the memory that a qube was given. */
const kernelShare = 0.1;

/** What somebody has to do something about, the worst first. */
export function examineQube(facts: QubeFacts): readonly DoctorFinding[] {
  const { qube, roles } = facts;
  if (roles.length === 0) return [findingOf('no-role', 'no daemon is switched on here', { qube })];
  return [...memoryFindings(facts), ...roles.flatMap((role) => roleFindings(facts, role))];
}

function memoryFindings({ qube, memory, roles }: QubeFacts): readonly DoctorFinding[] {
  const wanted = roles.reduce((sum, { role }) => sum + needs[role].memory, 0);
  if (memory >= wanted * (1 - kernelShare)) return [];
  const of = roles.map(({ role }) => role).join(', ');
  return [
    findingOf('memory-small', `${Math.round(memory)} MiB of memory, ${of} wants ${wanted}`, {
      qube,
      subject: String(wanted),
    }),
  ];
}

function roleFindings({ qube, isQubes }: QubeFacts, facts: RoleFacts): readonly DoctorFinding[] {
  const { role, state, missing, configuration, outsider, unit } = facts;
  const { disk, programs } = needs[role];
  const find = (code: Parameters<typeof findingOf>[0], say: string, subject?: string) =>
    findingOf(code, `${role}: ${say}`, { qube, role, ...(subject === undefined ? {} : { subject }) });
  const name = `package-rebuilder-${role}.service`;
  return [
    ...(configuration === undefined ? [] : [find('configuration', configuration)]),
    ...(outsider === undefined
      ? []
      : [find('group-missing', `its user ${outsider} is not in the group qubes`, outsider)]),
    ...(missing.length === 0
      ? []
      : [
          find(
            'program-missing',
            `${missing.join(', ')} not found`,
            [...new Set(missing.map((program) => programs[program] ?? program))].join(' '),
          ),
        ]),
    ...(isQubes && !state.lasts ? [find('state-lost', `${state.path} is not on the private volume`)] : []),
    ...(state.size < disk * (1 - kernelShare)
      ? [
          find(
            'disk-small',
            `${Math.round(state.size)} MiB hold ${state.path}, wanted are ${disk}`,
            `${disk}MiB`,
          ),
        ]
      : state.free < leastFree
        ? [find('disk-full', `${Math.round(state.free)} MiB are free in ${state.path}`, state.path)]
        : []),
    ...(unit === 'failed' ? [find('unit-failed', 'its daemon has failed', name)] : []),
    ...(unit === 'inactive' ? [find('unit-stopped', 'its daemon does not run', name)] : []),
  ];
}
