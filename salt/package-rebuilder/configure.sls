{#- In a qube of the suite: its part of the configuration, keys and consents. In dom0: the standing qubes are started. #}
{%- from 'package-rebuilder/settings.jinja' import settings with context %}
{%- from 'package-rebuilder/refusal.jinja' import refusal %}
{%- from 'package-rebuilder/rebuilder-conf.jinja' import conf_of with context %}
{%- set id = grains['id'] %}
{%- set pillar = settings.pillar %}
{%- if settings.problems %}
{{ refusal(settings.problems) }}
{%- elif id == 'dom0' %}
{%- for name, qube in settings.qubes.items() if 'role' in qube %}

package-rebuilder-started-{{ name }}:
  qvm.start:
    - name: {{ name }}
{%- endfor %}
{%- elif id not in settings.qubes %}

package-rebuilder-configure-not-here:
  test.fail_without_changes:
    - name: {{ id }}
    - comment: {{ (id ~ ' is no qube of the pillar package-rebuilder, expected one of '
        ~ settings.qubes.keys() | join(' ')) | tojson }}

{%- elif 'role' not in settings.qubes[id] %}

package-rebuilder-nothing-to-configure:
  test.succeed_without_changes:
    - name: {{ id }} has nothing of its own, its disposables get everything with a call

{%- else %}
{%- set qube = settings.qubes[id] %}
{%- set role = qube.role %}
{%- set own = '/rw/config/package-rebuilder' %}
{%- set watched = ['file: package-rebuilder-conf'] %}

package-rebuilder-conf-folder:
  file.directory:
    - name: {{ own }}
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

package-rebuilder-conf:
  file.managed:
    - name: {{ own }}/rebuilder.conf
    - contents: {{ conf_of(role) | tojson }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - file: package-rebuilder-conf-folder

{%- set kept_files = [] %}
{%- if role in ['getter', 'attester'] %}
{%- do kept_files.extend(pillar['keys:archive-keyrings'].values() | unique | list) %}
{%- endif %}
{%- if role == 'attester' and pillar['keys:root-layout'] %}
{%- do kept_files.append(pillar['keys:root-layout']) %}
{%- endif %}
{%- for file in kept_files %}
{%- do watched.append('file: package-rebuilder-file-' ~ file) %}

package-rebuilder-file-{{ file }}:
  file.managed:
    - name: {{ own }}/{{ file }}
    - source: salt://package-rebuilder/keys/{{ file }}
    - user: root
    - group: root
    - mode: '0644'
    - require:
      - file: package-rebuilder-conf-folder
{%- endfor %}

{%- if role in ['attester', 'uploader', 'vault', 'webhook'] %}
{%- include 'package-rebuilder/configure-' ~ role ~ '.jinja' %}
{%- endif %}

{#- Not try-restart: without its configuration it has given up by now. #}
package-rebuilder-restarted:
  cmd.run:
    - name: >-
        systemctl reset-failed package-rebuilder-{{ role }}.service;
        systemctl --no-block restart package-rebuilder-{{ role }}.service
    - onchanges:
{%- for state in watched %}
      - {{ state }}
{%- endfor %}
{%- endif %}
