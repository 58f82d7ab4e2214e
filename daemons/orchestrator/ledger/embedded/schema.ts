import type { Database } from './database.ts';

/** The file's shape. A later version appends to `versions`; what stands here never changes. */
const versions: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, about TEXT NOT NULL,
    dist TEXT, build TEXT, grp TEXT, architecture TEXT,
    priority INTEGER NOT NULL, line INTEGER NOT NULL, again TEXT NOT NULL, rest INTEGER NOT NULL,
    state TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0, rerun INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0, holder TEXT, leased_at INTEGER NOT NULL DEFAULT 0,
    deadline INTEGER NOT NULL DEFAULT 0, renewed INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0, failed_package INTEGER NOT NULL DEFAULT 0,
    failed_ours INTEGER NOT NULL DEFAULT 0, kills INTEGER NOT NULL DEFAULT 0,
    settled_fence INTEGER NOT NULL DEFAULT 0, settled_digest TEXT, settled_at INTEGER NOT NULL DEFAULT 0,
    resume TEXT, outcome TEXT, code TEXT, say TEXT, log TEXT, progress TEXT,
    submitted INTEGER NOT NULL, changed INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX jobs_ready ON jobs (queue, priority, line) WHERE state = 'pending';
  CREATE INDEX jobs_due ON jobs (not_before) WHERE state = 'pending';
  CREATE INDEX jobs_leased ON jobs (deadline) WHERE state = 'leased';
  CREATE INDEX jobs_build ON jobs (build) WHERE build IS NOT NULL;
  CREATE INDEX jobs_group ON jobs (grp) WHERE grp IS NOT NULL;
  CREATE INDEX jobs_dist ON jobs (dist) WHERE dist IS NOT NULL;
  CREATE INDEX jobs_log ON jobs (log) WHERE log IS NOT NULL;
  CREATE INDEX jobs_state ON jobs (state);

  CREATE TABLE results (
    seq INTEGER PRIMARY KEY,
    build TEXT NOT NULL UNIQUE,
    dist TEXT NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL, changed INTEGER NOT NULL,
    whole TEXT NOT NULL
  ) STRICT;
  CREATE INDEX results_dist ON results (dist, seq);
  CREATE INDEX results_source ON results (source, seq);

  CREATE TABLE counts (
    what TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (what, a, b, c)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER jobs_counted AFTER INSERT ON jobs BEGIN
    INSERT INTO counts VALUES ('job', new.queue, new.kind, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER jobs_recounted AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
    UPDATE counts SET n = n - 1 WHERE what = 'job' AND a = old.queue AND b = old.kind AND c = old.state;
    INSERT INTO counts VALUES ('job', new.queue, new.kind, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER results_counted AFTER INSERT ON results BEGIN
    INSERT INTO counts VALUES ('result', new.dist, new.state, '', 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER results_recounted AFTER UPDATE OF state ON results WHEN old.state <> new.state BEGIN
    UPDATE counts SET n = n - 1 WHERE what = 'result' AND a = old.dist AND b = old.state AND c = '';
    INSERT INTO counts VALUES ('result', new.dist, new.state, '', 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;

  CREATE TABLE publication (
    path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL, class TEXT NOT NULL, grp TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX publication_group ON publication (grp) WHERE grp IS NOT NULL;
  CREATE INDEX publication_object ON publication (sha256);

  CREATE TABLE refs (
    owner TEXT NOT NULL, role TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (owner, role, sha256)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX refs_object ON refs (sha256);

  CREATE TABLE origins (
    sha256 TEXT NOT NULL, origin TEXT NOT NULL, PRIMARY KEY (sha256, origin)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE lists (
    list TEXT NOT NULL, job TEXT NOT NULL, count INTEGER NOT NULL, at INTEGER NOT NULL, seconds REAL,
    PRIMARY KEY (list, job)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE feeds (
    dist TEXT PRIMARY KEY, last_read INTEGER, last_ms INTEGER NOT NULL, say TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE pauses (
    scope TEXT NOT NULL, value TEXT NOT NULL, act TEXT NOT NULL, PRIMARY KEY (scope, value)
  ) STRICT, WITHOUT ROWID;
  `,
  // Verdicts as they were settled. Of an earlier file the last one of each build is known; its signers are the keys
  // that were published with it, as `FINGERPRINT.asc`.
  `
  CREATE TABLE verdicts (
    seq INTEGER PRIMARY KEY,
    build TEXT NOT NULL, at INTEGER NOT NULL, verdict TEXT NOT NULL, code TEXT, say TEXT NOT NULL,
    attestation TEXT, signed_by TEXT NOT NULL
  ) STRICT;
  CREATE INDEX verdicts_build ON verdicts (build, seq);
  CREATE INDEX verdicts_failures ON verdicts (build, seq) WHERE verdict = 'failure' AND signed_by = '[]';
  CREATE INDEX verdicts_attestation ON verdicts (attestation) WHERE attestation IS NOT NULL;

  INSERT INTO verdicts (build, at, verdict, code, say, attestation, signed_by)
    SELECT build, changed, whole ->> '$.row.verdict', whole ->> '$.row.code', whole ->> '$.row.say',
      whole ->> '$.row.attestation',
      (SELECT json_group_array(substr(value ->> 'path', -44, 40)) FROM json_each(whole, '$.publish')
       WHERE substr(value ->> 'path', -44) GLOB replace(hex(zeroblob(20)), '0', '[0-9A-F]') || '.asc')
    FROM results WHERE whole ->> '$.row.verdict' IS NOT NULL ORDER BY seq;
  UPDATE results SET whole = json_set(whole, '$.row.attested', json('[]'));
  UPDATE results SET whole =
      json_set(whole, '$.row.attested', json_array(json_object('verdict', verdict, 'at', verdicts.at)))
    FROM verdicts WHERE verdicts.build = results.build AND signed_by <> '[]';
  `,
  // Which key signed what is published, for which build; what was collected of a build's files and of evidence. Of an
  // earlier file the signer is the key that stands next in what its build published; files are missing that a result names.
  `
  ALTER TABLE publication ADD COLUMN signer TEXT;
  ALTER TABLE publication ADD COLUMN build TEXT;
  ALTER TABLE publication ADD COLUMN put INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX publication_signer ON publication (signer, build) WHERE signer IS NOT NULL;

  CREATE TABLE revoked (key TEXT PRIMARY KEY, at INTEGER NOT NULL, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE lost (owner TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (owner, role)) STRICT, WITHOUT ROWID;

  UPDATE publication SET signer = signed.signer, build = signed.build
    FROM (
      SELECT results.build, file.value ->> 'path' AS path, file.value ->> 'sha256' AS sha256,
        (SELECT substr(value ->> 'path', -44, 40) FROM json_each(whole, '$.publish')
         WHERE key > file.key
           AND substr(value ->> 'path', -44) GLOB replace(hex(zeroblob(20)), '0', '[0-9A-F]') || '.asc'
         ORDER BY key LIMIT 1) AS signer
      FROM results, json_each(whole, '$.publish') AS file
      WHERE file.value ->> 'path' GLOB '*/metadata' OR file.value ->> 'path' GLOB '*.link'
    ) AS signed
    WHERE signed.path = publication.path AND signed.sha256 = publication.sha256 AND signed.signer IS NOT NULL;
  INSERT INTO lost SELECT build, 'file' FROM results WHERE EXISTS (
    SELECT 1 FROM json_each(whole, '$.row.files')
    WHERE value ->> 'rebuiltSha256' IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM refs WHERE owner = build AND role = 'file' AND sha256 = value ->> 'rebuiltSha256'));
  `,
];

/** Brings a file of any earlier version, or an empty one, to this version, or as far as is said. */
export function migrate(db: Database, to = versions.length): void {
  const version = db.prepare<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0;
  if (version > versions.length) {
    throw new Error(
      `the ledger was written by a later version (${version}; this one knows ${versions.length})`,
    );
  }
  for (const [index, sql] of versions.slice(0, to).entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
