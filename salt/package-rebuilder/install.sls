{#- In a template: the suite's package, as dom0 carries it or from an archive, with everything that it depends on, through the
    template's updates proxy. In dom0: what create does, so that one call makes the templates and fills them. #}
{%- from 'package-rebuilder/settings.jinja' import settings with context %}
{%- from 'package-rebuilder/refusal.jinja' import refusal %}
{%- if grains['id'] == 'dom0' %}
include:
  - package-rebuilder.create
{%- elif settings.problems %}
{{ refusal(settings.problems) }}
{%- elif grains['os_family'] not in ['Debian', 'RedHat'] %}

package-rebuilder-install-not-here:
  test.fail_without_changes:
    - name: {{ grains['id'] }}
    - comment: {{ ('found ' ~ grains['os_family'] ~ ', expected a template of Debian or Fedora') | tojson }}

{%- else %}
{%- set debian = grains['os_family'] == 'Debian' %}
{%- set kept = 'package-rebuilder' ~ ('.deb' if debian else '.rpm') %}
{%- set package = '/var/cache/package-rebuilder-package/' ~ kept %}

{%- if debian %}
{#- What minimal templates are without: the network of getter and uploader, and split-GPG for attester and vault. #}
package-rebuilder-packages-of-qubes:
  pkg.installed:
    - install_recommends: False
    - pkgs:
      - qubes-core-agent-networking
      - {{ 'split-gpg2' if settings.pillar['keys:openpgp'] == 'qubes.Gpg2' else 'qubes-gpg-split' }}
{%- endif %}

{%- if settings.pillar.packages == 'archive' %}

package-rebuilder-installed:
  pkg.latest:
    - name: package-rebuilder
    - refresh: True
    {{ '- install_recommends: False' if debian else '- setopt: install_weak_deps=False' }}
{%- else %}

package-rebuilder-package:
  file.managed:
    - name: {{ package }}
    - source: salt://package-rebuilder/packages/{{ kept }}
    - makedirs: True
    - user: root
    - group: root
    - mode: '0644'

{#- Salt gives a package file to dpkg, which brings no dependencies: apt and dnf do. #}
package-rebuilder-installed:
  cmd.run:
{%- if debian %}
    - name: apt-get --quiet update && apt-get --quiet --yes --no-install-recommends install {{ package }}
    - env:
      - DEBIAN_FRONTEND: noninteractive
    - unless: >-
        test "$(dpkg-query --show --showformat '${db:Status-Status} ${Version}' package-rebuilder)" =
        "installed $(dpkg-deb --field {{ package }} Version)"
{%- else %}
    - name: dnf --assumeyes --setopt=install_weak_deps=False install {{ package }}
    - unless: rpm --query --quiet "$(rpm --query --package {{ package }})"
{%- endif %}
    - require:
      - file: package-rebuilder-package
{%- endif %}
{%- endif %}
