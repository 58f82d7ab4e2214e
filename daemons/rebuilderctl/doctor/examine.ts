import type { DaemonRole } from '../../lib/domain/roles.ts';
import { type DoctorCode, type DoctorFinding, findingOf } from './findings.ts';
import { needs } from './needs.ts';

/** What is so here. Sizes in MiB. */
export interface QubeFacts {
  readonly qube: string;
  /** On Qubes OS; elsewhere several roles share the host's memory and disk. */
  readonly isQubes: boolean;
  /** What the system says that it has: on Qubes OS as much as the balloon leaves it now. */
  readonly memory: number;
  /** What the balloon may give it at most; undefined where the hypervisor does not tell. */
  readonly memoryLimit: number | undefined;
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
  /** On Qubes OS: it signs OpenPGP by split-GPG, and neither of the two is installed here. */
  readonly lacksSplitGpg: boolean;
  /** What systemd says of its unit; undefined where no systemd runs. */
  readonly unit: UnitFacts | undefined;
}

/** `ActiveState` of systemd(1), and how often systemd started it anew by itself (`NRestarts`). */
export interface UnitFacts {
  readonly state: string;
  readonly restarts: number;
}

/** MiB that a file system keeps for others when it is nearly full. */
const leastFree = 200;
/** MiB that a kernel keeps for itself: its image, and the tables of the memory that the balloon may bring (1/64 of it). */
const kernelMemory = 100;
/** What a file system keeps for itself of the volume that it lies on. */
const fileSystemShare = 0.1;

/** What somebody has to do something about, the worst first. */
export function examineQube(facts: QubeFacts): readonly DoctorFinding[] {
  const { qube, roles } = facts;
  if (roles.length === 0) return [findingOf('no-role', 'no daemon is switched on here', { qube })];
  return [...memoryFindings(facts), ...roles.flatMap((role) => roleFindings(facts, role))];
}

function memoryFindings({ qube, memory, memoryLimit, roles }: QubeFacts): readonly DoctorFinding[] {
  const wanted = roles.reduce((sum, { role }) => sum + needs[role].memory, 0);
  const given = memoryLimit ?? memory + kernelMemory;
  if (given >= wanted) return [];
  const of = roles.map(({ role }) => role).join(', ');
  return [
    findingOf('memory-small', `${Math.round(memoryLimit ?? memory)} MiB of memory, ${of} wants ${wanted}`, {
      qube,
      subject: String(wanted),
    }),
  ];
}

function roleFindings({ qube, isQubes }: QubeFacts, facts: RoleFacts): readonly DoctorFinding[] {
  const { role, state, missing, configuration, outsider, lacksSplitGpg, unit } = facts;
  const { disk, programs } = needs[role];
  const find = (code: DoctorCode, say: string, subject?: string) =>
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
    ...(lacksSplitGpg ? [find('split-gpg-missing', 'neither qubes.Gpg nor qubes.Gpg2 answers here')] : []),
    ...(isQubes && !state.lasts ? [find('state-lost', `${state.path} is not on the private volume`)] : []),
    ...(state.size < disk * (1 - fileSystemShare)
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
    ...(unit === undefined ? [] : unitFindings(unit, (code, say) => find(code, say, name))),
  ];
}

function unitFindings(
  { state, restarts }: UnitFacts,
  find: (code: DoctorCode, say: string) => DoctorFinding,
): readonly DoctorFinding[] {
  if (state === 'failed') return [find('unit-failed', 'its daemon has failed')];
  if (state === 'inactive') return [find('unit-stopped', 'its daemon does not run')];
  if (state === 'activating' && restarts > 0)
    return [find('unit-restarting', `its daemon was started anew ${restarts} times and does not run`)];
  return [];
}
