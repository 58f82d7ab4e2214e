import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../../daemons/orchestrator/ledger/embedded/open.ts';
import { ledgerContract, type Opened } from './suite.ts';

const dirs = new Map<Opened, string>();

function openIn(dir: string): Opened {
  const opened = openEmbedded(join(dir, 'ledger.sqlite'));
  dirs.set(opened, dir);
  return opened;
}

ledgerContract('embedded ledger', {
  open: async () => openIn(mkdtempSync(join(tmpdir(), 'ledger-'))),
  async reopen(opened) {
    await opened.ledger.close();
    return openIn(dirs.get(opened) ?? '');
  },
  async remove(opened) {
    await opened.ledger.close();
    rmSync(dirs.get(opened) ?? '', { recursive: true });
  },
});
