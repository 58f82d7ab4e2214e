{#- In dom0: policy, templates, qubes and disposable bases as the pillar says. Safe to run again. #}
{%- from 'package-rebuilder/settings.jinja' import settings with context %}
{%- from 'package-rebuilder/refusal.jinja' import refusal %}
{%- if grains['id'] != 'dom0' %}

package-rebuilder-create-not-here:
  test.fail_without_changes:
    - name: package-rebuilder.create
    - comment: This belongs to dom0 alone.

{%- elif settings.problems %}
{{ refusal(settings.problems) }}
{%- else %}
{%- set pillar = settings.pillar %}
{%- set contracts = settings.contracts %}

{#- The policy stands before the first qube does, and names the qubes as this pillar calls them. #}
{%- import_text 'package-rebuilder/generated/31-package-rebuilder.policy' as shipped_policy %}
{%- set text = namespace(policy=shipped_policy) %}
{%- for name in contracts['policy-names'] %}
{%- set own = pillar.prefix ~ name[('rebuilder' | length):] %}
{%- set text.policy = text.policy | regex_replace('(?<![A-Za-z0-9_.-])' ~ name ~ '(?![A-Za-z0-9_.-])', own) %}
{%- endfor %}

package-rebuilder-policy:
  file.managed:
    - name: /etc/qubes/policy.d/31-package-rebuilder.policy
    - contents: {{ text.policy | tojson }}
    - user: root
    - group: qubes
    - mode: '0664'

{%- if pillar.packages == 'archive' %}

package-rebuilder-no-packages:
  file.absent:
    - name: /srv/salt/package-rebuilder/packages
{%- else %}

{#- What the templates install: below /srv/salt, for qubesctl hands that to whoever manages a qube and nothing else. #}
{%- set carried = '/usr/share/package-rebuilder-dom0/packages' %}
{%- for template, pattern in [('debian', 'package-rebuilder_*.deb'), ('fedora', 'package-rebuilder-[0-9]*.rpm')] %}
{%- if pillar['templates:' ~ template] %}
{%- set found = salt['file.find'](carried, type='f', name=pattern) %}
{%- set kept = 'package-rebuilder' ~ pattern[-4:] %}

package-rebuilder-package-for-{{ template }}:
{%- if found | length == 1 %}
  file.managed:
    - name: /srv/salt/package-rebuilder/packages/{{ kept }}
    - source: {{ found[0] | tojson }}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'
{%- else %}
  test.fail_without_changes:
    - name: {{ carried }}
    - comment: {{ (carried ~ ': found ' ~ found | length ~ ' files ' ~ pattern ~
        ', expected one: install a package-rebuilder-dom0 that carries it, or set packages: archive') | tojson }}
    - failhard: True
{%- endif %}
{%- endif %}
{%- endfor %}
{%- endif %}

{%- for template, source in settings.templates.items() %}

package-rebuilder-source-of-{{ template }}:
  qvm.template_installed:
    - name: {{ source }}

{#- A dry run has nothing to clone from where it would fetch the source first. #}
{%- if not opts['test'] or salt['qvm.check'](source, 'exists').passed() %}

package-rebuilder-template-{{ template }}:
  qvm.clone:
    - name: {{ template }}
    - source: {{ source }}
    - require:
      - qvm: package-rebuilder-source-of-{{ template }}
{%- endif %}

{#- qvm.prefs sets what it says even with test=True. Without the tag of the suite, whose policy would take the template its
    updates' proxy; its own tag only lets `qvm-ls --tags` name it. #}
{%- if not opts['test'] or salt['qvm.check'](template, 'exists').passed() %}

package-rebuilder-template-{{ template }}-settings:
  qvm.vm:
    - name: {{ template }}
{%- if not opts['test'] %}
    - prefs:
      - label: black
      - netvm: ''
      - audiovm: ''
      - default_dispvm: ''
{%- endif %}
    - tags:
      - add:
        - {{ contracts['suite-tag'] }}-template
    - require:
      - qvm: package-rebuilder-template-{{ template }}
{%- endif %}
{%- endfor %}

{%- for name, qube in settings.qubes.items() %}

package-rebuilder-qube-{{ name }}:
  qvm.present:
    - name: {{ name }}
    - template: {{ qube.template }}
    - label: {{ qube.label }}
    - require:
      - file: package-rebuilder-policy
      - qvm: package-rebuilder-source-of-{{ qube.template }}
{%- if not opts['test'] %}
      - qvm: package-rebuilder-template-{{ qube.template }}
{%- endif %}
{%- if not opts['test'] or salt['qvm.check'](name, 'exists').passed() %}

package-rebuilder-qube-{{ name }}-settings:
  qvm.vm:
    - name: {{ name }}
{%- if not opts['test'] %}
    - prefs:
      - template: {{ qube.template }}
      - label: {{ qube.label }}
      - netvm: {{ (pillar.netvm if qube.net else '') | tojson }}
      - audiovm: ''
      - default_dispvm: ''
      - provides_network: False
      - template_for_dispvms: {{ 'disposables' in qube }}
      - autostart: {{ pillar.autostart and 'role' in qube }}
      - memory: {{ qube.memory }}
      - maxmem: {{ qube.maxmem }}
      - vcpus: {{ qube.vcpus }}
{%- endif %}
{%- if 'role' in qube %}
    - service:
      - enable:
        - package-rebuilder-{{ qube.role }}
{%- if qube.role == 'attester' and pillar['keys:openpgp'] == 'qubes.Gpg2' %}
        - split-gpg2-client
{%- elif qube.role == 'attester' %}
      - default:
        - split-gpg2-client
{%- endif %}
{%- elif 'disposables' in qube %}
{#- Not a daemon's: by it a build's files are on the private volume of its disposable (bind-dirs). #}
    - service:
      - enable:
        - package-rebuilder-disposable
{%- endif %}
    - tags:
      - add:
        - {{ contracts['suite-tag'] }}
{%- if 'caller' in qube %}
        - {{ contracts['caller-tags'][qube.caller] }}
{%- endif %}
    - require:
      - qvm: package-rebuilder-qube-{{ name }}

{#- Never smaller: what an operator made larger stays so. #}
package-rebuilder-qube-{{ name }}-private-volume:
  cmd.run:
    - name: qvm-volume resize {{ name }}:private {{ qube.private * 1024 ** 3 }}
    - unless: test "$(qvm-volume info {{ name }}:private size)" -ge {{ qube.private * 1024 ** 3 }}
    - require:
      - qvm: package-rebuilder-qube-{{ name }}-settings
{%- endif %}
{%- endfor %}

{#- Nothing in them outlives its work: caches of a rebuilder that is one too many, a webhook that is off. #}
{%- for name in settings.spare %}

package-rebuilder-spare-{{ name }}:
  qvm.absent:
    - name: {{ name }}
{%- endfor %}

{#- Qubes of the operator's own, who may steer the line; whoever is no longer in the list may no longer. #}
{%- set admin_tag = contracts['caller-tags'].admin %}
{%- for name in pillar.admins %}

package-rebuilder-admin-{{ name }}:
  qvm.vm:
    - name: {{ name }}
    - exists: []
    - tags:
      - add:
        - {{ admin_tag }}
    - require:
      - file: package-rebuilder-policy
{%- endfor %}
{%- for name in salt['cmd.run_stdout']('qvm-ls --raw-list --tags ' ~ admin_tag).split() if name not in pillar.admins %}

package-rebuilder-admin-no-more-{{ name }}:
  qvm.tags:
    - name: {{ name }}
    - del:
      - {{ admin_tag }}
{%- endfor %}
{%- endif %}
