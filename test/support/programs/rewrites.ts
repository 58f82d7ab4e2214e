import { writeWhole } from '../../../daemons/rebuilderctl/write-file.ts';

/** Writes a file again and again, all `a` and all `b` in turn, until it is killed. */
const path = process.argv[2] ?? '';
console.log('ready');
for (let turn = 1; ; turn++) {
  await writeWhole(path, (turn % 2 === 0 ? 'a' : 'b').repeat(4_000_000), { replace: true });
}
