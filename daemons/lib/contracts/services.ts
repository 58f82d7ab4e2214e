import { build } from './build.ts';
import type { Contract } from './contract.ts';
import { control } from './control.ts';
import { diff } from './diff.ts';
import { fetchObjects } from './fetch.ts';
import { lease } from './lease.ts';
import { query } from './query.ts';
import { renew } from './renew.ts';
import { returnOutcome } from './return.ts';
import { sign } from './sign.ts';
import { trigger } from './trigger.ts';

/** Every framed service of DESIGN §3: service files, policy and packages are generated from this list. */
export const services: readonly Pick<
  Contract<string, unknown, unknown>,
  'service' | 'door' | 'kind' | 'allowed'
>[] = [lease, renew, fetchObjects, returnOutcome, trigger, control, query, build, diff, sign];
