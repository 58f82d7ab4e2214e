// The house of DESIGN §5 as rules: imports go down, no role imports another, a library lives in one room.

/** What each room of lib may import besides itself. */
const below = {
  domain: [],
  contracts: ['domain'],
  daemon: ['domain', 'contracts'],
  objects: ['domain', 'contracts', 'daemon'],
  openpgp: ['domain', 'contracts', 'daemon'],
  intoto: ['domain', 'openpgp'],
  layout: ['domain', 'openpgp'],
  net: ['domain', 'contracts', 'daemon'],
  archive: ['domain', 'contracts', 'daemon'],
  evidence: ['domain', 'contracts', 'daemon', 'archive', 'openpgp'],
  wire: ['domain', 'contracts', 'daemon'],
  worker: ['domain', 'contracts', 'daemon', 'wire'],
};

/** The one room of each library. */
const rooms = {
  libsql: '^daemons/orchestrator/ledger/embedded/',
  execa: '^daemons/lib/daemon/program\\.ts$',
  commander: '^daemons/rebuilderctl/',
  pino: '^daemons/lib/daemon/',
  'systemd-notify': '^daemons/lib/daemon/',
  undici: '^daemons/lib/net/',
  openpgp: '^daemons/lib/openpgp/',
  zod: '^daemons/lib/(contracts|daemon)/',
};

/** Node's own modules that have one room: who runs programs, who listens and connects. */
const nodeRooms = {
  child_process: '^daemons/lib/daemon/program\\.ts$',
  https: '^daemons/(lib/net|client/fetch)/',
  http: '^daemons/(lib/net|client/fetch|webhook)/',
  dgram: '^daemons/lib/net/',
};

export default {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-role-imports-another',
      comment: 'Roles meet in lib/contracts, as they meet on the wire.',
      severity: 'error',
      from: { path: '^daemons/(?!lib/)([^/]+)/' },
      to: { path: '^daemons/', pathNot: ['^daemons/lib/', '^daemons/$1/'] },
    },
    {
      name: 'lib-knows-no-role',
      severity: 'error',
      from: { path: '^daemons/lib/' },
      to: { path: '^(daemons/(?!lib/)|test/|tools/)' },
    },
    {
      name: 'product-knows-no-test',
      severity: 'error',
      from: { path: '^daemons/' },
      to: { path: '^(test|tools)/' },
    },
    {
      name: 'domain-imports-nothing',
      severity: 'error',
      from: { path: '^daemons/lib/domain/' },
      to: { pathNot: '^daemons/lib/domain/' },
    },
    {
      name: 'unknown-room-of-lib',
      comment: 'A new room of lib is given its place in `below` first.',
      severity: 'error',
      from: { path: `^daemons/lib/(?!(${Object.keys(below).join('|')})/)` },
      to: {},
    },
    ...Object.entries(below).map(([room, lower]) => ({
      name: `down-only-from-${room}`,
      severity: 'error',
      from: { path: `^daemons/lib/${room}/` },
      to: { path: '^daemons/lib/', pathNot: `^daemons/lib/(${[room, ...lower].join('|')})/` },
    })),
    ...Object.entries(rooms).map(([library, room]) => ({
      name: `one-room-for-${library}`,
      severity: 'error',
      from: { path: '^daemons/', pathNot: room },
      to: { path: `^node_modules/${library}/` },
    })),
    ...Object.entries(nodeRooms).map(([module, room]) => ({
      name: `one-room-for-node-${module}`,
      severity: 'error',
      from: { path: '^daemons/', pathNot: room },
      to: { path: `^(node:)?${module}$` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
