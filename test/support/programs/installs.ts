import { carryOut } from '../../../daemons/rebuilderctl/client/carry-out.ts';
import { Root } from '../../../daemons/rebuilderctl/client/root.ts';
import { planSmall, removeSmall } from '../small-installation.ts';

/** `installs ROOT STEP URL` installs and `installs ROOT STEP` removes; kills itself with -9 before the step of that number. */
const [folder, last, url] = process.argv.slice(2);
const root = await Root.open(folder);
let step = 0;
const onStep = () => {
  if (step++ === Number(last)) process.kill(process.pid, 'SIGKILL');
};
if (url === undefined) await removeSmall(root, onStep);
else await carryOut(root, await planSmall(root, url), onStep);
