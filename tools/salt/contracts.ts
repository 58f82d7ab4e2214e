import { callers } from '../../daemons/lib/contracts/contract.ts';
import { callerTag, disposableBases, doorQubes, suiteTag } from '../../daemons/lib/contracts/qubes.ts';
import { keys } from '../../daemons/lib/daemon/keys.ts';
import type { Generated } from '../qrexec/generated.ts';
import { policyFile } from '../qrexec/policy.ts';

/** What Salt has to know of the contracts: the policy that it installs, names, tags, and who reads which key. */
export function saltFiles(): readonly Generated[] {
  const folder = 'salt/package-rebuilder/generated';
  const known = {
    'policy-names': [...Object.values(doorQubes), ...Object.values(disposableBases)],
    'suite-tag': suiteTag,
    'caller-tags': Object.fromEntries(callers.map((caller) => [caller, callerTag(caller)])),
    'conf-keys': Object.fromEntries(
      Object.values(keys).flatMap(({ names, readers, place }) =>
        names.map((name) => [name, { readers, place }]),
      ),
    ),
  };
  return [
    {
      path: `${folder}/contracts.json`,
      kind: 'text',
      text: `${JSON.stringify(known, null, 2)}\n`,
      executable: false,
    },
    { ...policyFile(), path: `${folder}/31-package-rebuilder.policy` },
  ];
}
