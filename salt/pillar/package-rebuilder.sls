# What an operator of package-rebuilder decides. Installed as /srv/pillar/package-rebuilder.sls in dom0; what is commented
# out here stands for what is done without it. `qubesctl state.apply package-rebuilder.create test=True` says what is wrong
# with it and what it would make, and changes nothing. Every qube of the suite may read it: no secret belongs here.
package-rebuilder:

  # What is followed, as in rebuilder.conf: DISTRIBUTION[+SET...].ARCHITECTURE. Nothing is rebuilt until there is one.
  dists: []
  #  - trixie.amd64
  #  - trixie.all

  # Every qube's name begins with it: at most 15 characters, 11 when there are many rebuilders. Choose it before the first
  # `create`; the files package-rebuilder.top beside this one names it, too. Later: remove everything first.
  #prefix: rebuilder

  # The templates that the suite's own templates are cloned from; Qubes OS gets one that is not there. Minimal ones do.
  # Fedora's serves for building Fedora's packages alone: '' for none.
  #templates:
  #  debian: debian-13-minimal
  #  fedora: fedora-42-minimal

  # Where the templates get the suite's package from: the dom0 package carries it; or, built by somebody's Qubes builder, it
  # is in an archive that the source templates have configured.
  #packages: carried

  # How many rebuilders: each leases builds of its own. When there are fewer again, `create` removes the last ones.
  #rebuilders: 1

  # A qube that listens for webhooks and may ask for one thing, that archives are looked at.
  #webhook: false

  # Who gives network to getter, uploader and webhook; no other qube has any. '*default*' is Qubes OS' own choice.
  #netvm: '*default*'

  # Whether the line starts with the machine.
  #autostart: true

  # Qubes of your own from which rebuilderctl steers the line. They get a tag, and nothing else of them changes.
  #admins: []

  # Sizes: memory and maxmem in MiB, private (the volume that lasts) in GiB; volumes only grow. The kinds are orchestrator,
  # getter, worker (each rebuilder), attester, reporter, uploader, vault, webhook, dvm-debian, dvm-fedora; what stands here is
  # what they have. What dvm-debian and dvm-fedora have is what one build has.
  #qubes:
  #  orchestrator: {memory: 500, maxmem: 2000, vcpus: 2, private: 60}
  #  dvm-debian: {memory: 2000, maxmem: 8000, vcpus: 4, private: 40}

  # Signing keys: full fingerprints in quotes. Secret halves are in the vault's qube and nowhere else.
  #keys:
  #  # How the vault signs: qubes.Gpg2 (split-GPG 2: it sees a digest) or qubes.Gpg (split-GPG: it sees the document).
  #  openpgp: qubes.Gpg2
  #  # For what came out identical, and for what differed; two keys, for clients tell the verdicts apart by them.
  #  reproducible: ''
  #  unreproducible: ''
  #  # Those that signed before, the last one first.
  #  reproducible-previous: []
  #  unreproducible-previous: []
  #  # Names of files in dom0's /srv/salt/package-rebuilder/keys that the attester gets: the public halves of the keys above
  #  # (FINGERPRINT.asc) and of the vault's own keys (reproducible.pem, unreproducible.pem).
  #  public: []
  #  # The name of a file there: the signed in-toto layout that is published.
  #  root-layout: ''
  #  # Files there with the keys of archives beside Debian's own, each for the one suite that it vouches for.
  #  archive-keyrings: {}

  # Where the publication goes; without a host nothing is uploaded. The uploader's qube makes the key under that name and
  # tells its public half (`qubesctl --show-output`), unless you have put one of that name into its ssh folder. known-hosts
  # are lines of `ssh-keyscan` whose fingerprint you have compared.
  #mirror:
  #  host: ''
  #  folder: ''
  #  key: id_ed25519
  #  known-hosts: []

  # Every other key of rebuilder.conf, by its section: celery, common, debian, qubesos, fedora. A qube gets what its role reads.
  #config:
  #  common:
  #    rebuilder-id: https://rebuilder.example.org
