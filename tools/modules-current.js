// Exits 0 if node_modules was installed from this very lock file; `--remember` notes that it was.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const stamp = 'node_modules/.installed-from';
const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
if (process.argv.includes('--remember')) writeFileSync(stamp, lock);
process.exitCode = existsSync(stamp) && readFileSync(stamp, 'utf8') === lock ? 0 : 1;
