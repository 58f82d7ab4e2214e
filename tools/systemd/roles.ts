import { type Door, doors } from '../../daemons/lib/contracts/contract.ts';
import { networked, qubeOf } from '../../daemons/lib/contracts/qubes.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { type DaemonRole, daemonRoles } from '../../daemons/lib/domain/roles.ts';

/** What a role's unit depends on. */
export interface UnitRole {
  readonly role: DaemonRole;
  readonly user: string;
  /** What `systemctl status` calls it. */
  readonly does: string;
  /** Answers calls at a socket. */
  readonly hasDoor: boolean;
  /** Makes calls through qrexec-client-vm. */
  readonly calls: boolean;
  readonly hasNetwork: boolean;
}

const does: Readonly<Record<DaemonRole, string>> = {
  orchestrator: 'ledger, objects and schedule',
  getter: 'brings indexes, buildinfos and the inputs of builds',
  rebuilder: 'hands builds to disposables',
  attester: 'compares what was built and has links signed',
  vault: 'signs statements and manifests',
  reporter: 'makes results for people and programs',
  uploader: 'sends the publication to the mirror',
  webhook: 'hears from forges that something was published',
};

export const unitRoles: readonly UnitRole[] = daemonRoles.map((role) => ({
  role,
  user: qubeOf(role),
  does: does[role],
  hasDoor: hasDoor(role),
  calls: services.some(({ allowed }) => Object.values(allowed).some((callers) => includes(callers, role))),
  hasNetwork: includes(networked, role),
}));

function hasDoor(role: DaemonRole): boolean {
  const isDoor = includes(doors satisfies readonly Door[], role);
  return isDoor && services.some(({ door, kind }) => door === role && kind === 'socket');
}

function includes(list: readonly string[], name: string): boolean {
  return list.includes(name);
}
