{#- In a template: what its distribution has newer, and the suite's package as dom0 carries it now. In dom0: what create does,
    for a newer dom0 package may bring another policy. Qubes see their template's changes when they start again. #}
{%- from 'package-rebuilder/settings.jinja' import settings with context %}
include:
  - package-rebuilder.install

{%- if grains['id'] != 'dom0' and not settings.problems and grains['os_family'] in ['Debian', 'RedHat'] %}

package-rebuilder-templates-own-updates:
  pkg.uptodate:
    - refresh: True
    - require_in:
      - {{ 'pkg' if settings.pillar.packages == 'archive' else 'cmd' }}: package-rebuilder-installed
{%- endif %}
