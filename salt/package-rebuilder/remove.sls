{#- In dom0: takes away everything that create made, the vault with its keys too, hence only when told so. #}
{%- from 'package-rebuilder/settings.jinja' import settings with context %}
{%- from 'package-rebuilder/refusal.jinja' import refusal %}
{%- if grains['id'] != 'dom0' %}

package-rebuilder-remove-not-here:
  test.fail_without_changes:
    - name: package-rebuilder.remove
    - comment: This belongs to dom0 alone.

{%- elif settings.problems %}
{{ refusal(settings.problems) }}
{%- elif settings.pillar.remove != 'everything' %}

package-rebuilder-remove-not-told:
  test.fail_without_changes:
    - name: package-rebuilder.remove
    - comment: |
        Nothing was removed. This would delete these qubes with all that is in them, the vault's signing keys and the
        orchestrator's ledger too: {{ settings.qubes.keys() | join(' ') }}
        Back up what you want to keep, then:
        qubesctl state.apply package-rebuilder.remove pillar='{"package-rebuilder": {"remove": "everything"} }'

{%- else %}
{%- set admin_tag = settings.contracts['caller-tags'].admin %}
{%- set qubes = settings.qubes.keys() | list %}
{%- for name in qubes + settings.spare + settings.templates.keys() | list %}

package-rebuilder-removed-{{ name }}:
  qvm.absent:
    - name: {{ name }}
    - require_in:
      - file: package-rebuilder-policy-removed
{%- endfor %}
{%- for name in salt['cmd.run_stdout']('qvm-ls --raw-list --tags ' ~ admin_tag).split() %}

package-rebuilder-admin-no-more-{{ name }}:
  qvm.tags:
    - name: {{ name }}
    - del:
      - {{ admin_tag }}
{%- endfor %}

{#- Last: while a qube of the suite is there, it is policed. #}
package-rebuilder-policy-removed:
  file.absent:
    - name: /etc/qubes/policy.d/31-package-rebuilder.policy

package-rebuilder-packages-removed:
  file.absent:
    - name: /srv/salt/package-rebuilder/packages
{%- endif %}
