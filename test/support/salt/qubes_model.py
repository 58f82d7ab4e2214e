"""A system's qubes in a JSON file, with what qubesd refuses and presets (facts: QubesOS/qubes-core-admin, qubes/vm/).

{"repository": [NAME], "qubes": {NAME: {"klass", "power", "properties", "features", "tags", "private"}}}
Properties that nobody set are not in the file: they are at their default.
"""

import json
import os
import re

LABELS = ("red", "orange", "yellow", "green", "gray", "blue", "purple", "black")
PRIVATE_BYTES = 2 * 1024**3
LONGEST_NAME = 31
FALSE, NUMBER, TEXT, QUBE = "bool", "number", "text", "qube"

# In the order in which qvm.prefs goes through them.
PROPERTIES = {
    "autostart": FALSE,
    "debug": FALSE,
    "default_user": TEXT,
    "default_dispvm": QUBE,
    "devices_denied": TEXT,
    "management_dispvm": QUBE,
    "guivm": QUBE,
    "audiovm": QUBE,
    "template_for_dispvms": FALSE,
    "virt_mode": TEXT,
    "label": TEXT,
    "backup_timestamp": TEXT,
    "include_in_backups": FALSE,
    "installed_by_rpm": FALSE,
    "ip": TEXT,
    "kernel": TEXT,
    "kernelopts": TEXT,
    "mac": TEXT,
    "maxmem": NUMBER,
    "memory": NUMBER,
    "netvm": QUBE,
    "provides_network": FALSE,
    "template": QUBE,
    "qrexec_timeout": NUMBER,
    "updateable": FALSE,
    "vcpus": NUMBER,
}


class QubesException(Exception):
    """What qubesadmin raises when qubesd says no."""


class Model:
    def __init__(self, path=None):
        self.path = path or os.environ["QUBES_MODEL"]
        with open(self.path, encoding="utf-8") as file:
            self.data = json.load(file)
        self.qubes = self.data["qubes"]

    def save(self):
        """Written only when something is another, so that an untouched file shows that nothing happened."""
        with open(self.path, encoding="utf-8") as file:
            if json.load(file) == self.data:
                return
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1, sort_keys=True)
        os.rename(self.path + ".new", self.path)

    def add(self, name, klass, properties, features=None, tags=(), private=PRIVATE_BYTES):
        if name in self.qubes:
            raise QubesException(f"VM named {name} already exists")
        if len(name) > LONGEST_NAME or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.-]*", name) or name.endswith("-dm"):
            raise QubesException(f"VM name {name} contains illegal characters or is too long")
        self.qubes[name] = {
            "klass": klass,
            "power": "Halted",
            "properties": {},
            "features": dict(features or {}),
            "tags": sorted({*tags, "created-by-dom0"}),
            "private": private,
        }
        for key, value in properties.items():
            self.set(name, key, value)
        self.save()

    def set(self, name, key, value):
        qube = self.qubes[name]
        kind = PROPERTIES[key]
        if key == "template" and qube["klass"] != "AppVM":
            raise QubesException(f"{name} has no property template")
        if key == "label" and value not in LABELS:
            raise QubesException(f"No such label: {value}")
        if key == "template" and qube["power"] != "Halted":
            raise QubesException("Cannot change template while qube is running")
        if kind == NUMBER and (isinstance(value, bool) or int(value) <= 0):
            raise QubesException(f"{key}: found {value}, expected a positive number")
        if kind == FALSE and value not in (True, False, "True", "False"):
            raise QubesException(f"{key}: found {value}, expected a truth value")
        if kind == QUBE and value is not None:
            self._check_reference(name, key, value)
        if kind == NUMBER:
            value = int(value)
        elif kind == FALSE:
            value = value in (True, "True")
        qube["properties"][key] = value

    def _check_reference(self, name, key, value):
        other = self.qubes.get(value)
        if other is None:
            raise QubesException(f"No such domain: {value}")
        if key == "template" and other["klass"] != "TemplateVM":
            raise QubesException(f"{value} is no template")
        if key == "netvm" and not other["properties"].get("provides_network"):
            raise QubesException(f"The '{value}' qube does not provide network to '{name}'")
        if key in ("default_dispvm", "management_dispvm") and not other["properties"].get("template_for_dispvms"):
            raise QubesException(f"{value} is no template for disposables")

    def reset(self, name, key):
        self.qubes[name]["properties"].pop(key, None)

    def users(self, name):
        """Who refers to a qube: (holder, property)."""
        return [
            (holder, key)
            for holder, qube in self.qubes.items()
            for key, value in qube["properties"].items()
            if holder != name and PROPERTIES[key] == QUBE and value == name
        ]

    def remove(self, name):
        if self.qubes[name]["power"] != "Halted":
            raise QubesException(f"{name} is not halted")
        users = self.users(name)
        if users:
            listed = "".join(f"\n - {key} for {holder}" for holder, key in users)
            raise QubesException(f"VM {name} cannot be removed. It is in use as:{listed}")
        del self.qubes[name]
        self.save()
