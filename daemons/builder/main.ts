import { build } from '../lib/contracts/build.ts';
import { systemClock } from '../lib/daemon/clock.ts';
import { openLog } from '../lib/daemon/log.ts';
import { answer } from '../lib/wire/answer.ts';
import { ReplyError } from '../lib/wire/reply-error.ts';
import { handleBuild } from './call.ts';

/** `rebuilder.Build+deb`: one build in a disposable, request on standard input, reply on standard output. */

const volume = process.env.DISPOSABLE_SCRATCH ?? '/var/lib/package-rebuilder/disposable';
const limitedBy = process.env.DISPOSABLE_LIMITED_BY;

await answer(
  build,
  process.env.QREXEC_SERVICE_ARGUMENT ?? process.argv[2] ?? '',
  { input: process.stdin, output: process.stdout },
  { clock: systemClock, log: openLog('builder') },
  (request, argument, objects, { signal }) => {
    if (argument !== 'deb')
      throw new ReplyError('unavailable', 'this disposable builds Debian packages only');
    return handleBuild(request, objects, { clock: systemClock, volume, limitedBy, gone: signal });
  },
);
