import { fileList } from './debian/file-list.ts';
import { maintainerScripts } from './debian/scripts.ts';
import { accessControl } from './qrexec/access-control.ts';
import type { Generated } from './qrexec/generated.ts';
import { policyFile } from './qrexec/policy.ts';
import { rpcConfigFiles, serviceFiles } from './qrexec/services.ts';
import { saltFiles } from './salt/contracts.ts';
import { accountFiles } from './systemd/accounts.ts';
import { unitFiles } from './systemd/units.ts';

/** Folders in which nothing stands but what is generated. */
export const generatedFolders = [
  'qrexec/policy',
  'qrexec/services',
  'qrexec/rpc-config',
  'salt/package-rebuilder/generated',
  'systemd/system',
  'systemd/system-preset',
  'systemd/sysusers.d',
  'systemd/tmpfiles.d',
];

/** Everything that is generated from the contracts and the list of roles. */
export function generatedFiles(): readonly Generated[] {
  return [
    policyFile(),
    accessControl(),
    ...serviceFiles(),
    ...rpcConfigFiles(),
    ...unitFiles(),
    ...accountFiles(),
    ...maintainerScripts(),
    fileList(),
    ...saltFiles(),
  ];
}
