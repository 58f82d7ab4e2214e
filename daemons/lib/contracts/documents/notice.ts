import { z } from 'zod';
import { wallTime } from '../fields.ts';

/** What a role wants people to know: it says so with each Lease, and `rebuilder.Query+status` tells it. */

export const noticeCodes = [
  'key-expires',
  'key-expired',
  'layout-unreadable',
  'layout-expires',
  'layout-expired',
  'layout-lacks-key',
  'layout-key',
  'layout-threshold',
] as const;
export type NoticeCode = (typeof noticeCodes)[number];

/** Of one Lease: together they fit into its header. */
export const maxNotices = 20;
export const maxNoticeSay = 600;

export const noticeSchema = z.strictObject({
  code: z.enum(noticeCodes),
  say: z.string().max(maxNoticeSay),
  /** When what it is about happens or happened; null where there is no such moment. */
  at: wallTime.nullable(),
});
export type Notice = z.infer<typeof noticeSchema>;
