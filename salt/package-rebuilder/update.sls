{#- In a template: what its distribution has newer, and the suite's package as dom0 carries it now. In dom0: what create does,
    for a newer dom0 package may bring another policy. Qubes see their template's changes when they start again. #}
include:
  - package-rebuilder.install

{%- if grains['id'] != 'dom0' %}

package-rebuilder-templates-own-updates:
  pkg.uptodate:
    - refresh: True
    - require_in:
      - cmd: package-rebuilder-installed
{%- endif %}
