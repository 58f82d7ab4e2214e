"""qvm.* of dom0 on a model of its qubes (qubes_model.py): names, arguments and results as in
QubesOS/qubes-mgmt-salt-dom0-qvm _modules/ext_module_qvm.py and the Status of QubesOS/qubes-mgmt-salt-base
_utils/qubes_utils.py. So: creating and cloning report no changes, prefs are set even with test=True, and in the order of
the properties, not of the state. One thing is stricter: what the real functions drop silently, an argument that they do
not know, is refused here."""

import argparse
import pathlib
import sys

from salt.exceptions import CommandExecutionError, SaltInvocationError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import qubes_model  # noqa: E402

__virtualname__ = "qvm"

NONE_WHEN_EMPTY = ("netvm", "guivm", "audiovm", "default_dispvm", "devices_denied", "management_dispvm")
ALIASES = {"last_backup": "backup_timestamp", "dispvm_allowed": "template_for_dispvms"}
SWITCH = {"enable": "1", "disable": "", "default": None}


def __virtual__():
    return __virtualname__


class Status(argparse.Namespace):
    def passed(self):
        return self.result if self.result is not None else not self.retcode

    def failed(self):
        return not self.passed()

    def __len__(self):
        return bool(self.passed())


def _status(retcode=0, comment="", changes=None, stderr="", data=None):
    """As _finalize leaves it: with test=True what passed is None."""
    result = not retcode
    if result and __opts__["test"]:
        result = None
    return Status(
        name="",
        result=result,
        retcode=int(bool(retcode)),
        stdout="",
        stderr=stderr,
        data=data,
        changes=changes or {},
        comment=comment,
        prefix="",
        message="",
        error_message="",
    )


def _model():
    return qubes_model.Model()


def _existing(model, name):
    if name not in model.qubes:
        raise SaltInvocationError(message="Virtual Machine does not exist!")
    return model.qubes[name]


def _only(function, kwargs, allowed):
    for key in kwargs:
        if key not in allowed and not key.startswith("__"):
            raise CommandExecutionError(f"qvm.{function}: error: unrecognized argument {key}")


def check(vmname, *varargs, **kwargs):
    _only("check", kwargs, ("check", "flags"))
    wanted = varargs[0] if varargs else kwargs.get("check", "exists")
    if wanted not in ("exists", "missing"):
        raise CommandExecutionError(f"qvm.check: error: invalid choice: {wanted}")
    qube = _model().qubes.get(vmname)
    there = qube is not None and ("template" not in kwargs.get("flags", ()) or qube["klass"] == "TemplateVM")
    # It runs with test=True too, and its verdict is one then.
    status = _status(there == (wanted == "missing"), f"/usr/bin/qvm-check {vmname} {wanted}")
    return status


def state(vmname, *varargs, **kwargs):
    _only("state", kwargs, ("state",))
    power = _existing(_model(), vmname)["power"].lower()
    wanted = varargs or ("status",)
    return _status("status" not in wanted and power not in wanted, f"qvm.state {' '.join(wanted)}", data=power)


def create(vmname, *varargs, **kwargs):
    _only("create", kwargs, ("template", "label", "class", "mem", "vcpus", "flags"))
    if __opts__["test"]:
        return _status(comment=f"/usr/bin/qvm-create {vmname}")
    properties = {"memory": kwargs.get("mem"), "vcpus": kwargs.get("vcpus")}
    properties.update(template=kwargs.get("template"), label=kwargs.get("label", "red"))
    given = {key: value for key, value in properties.items() if value is not None}
    return _command(f"/usr/bin/qvm-create {vmname}", lambda model: model.add(vmname, kwargs.get("class", "AppVM"), given))


def _command(line, act):
    try:
        act(_model())
    except qubes_model.QubesException as error:
        return _status(1, f"====== stderr ======\n[FAIL] {line}\n{error}", stderr=str(error))
    return _status(comment=line)


def clone(vmname, clone, *varargs, **kwargs):
    _only("clone", kwargs, ("flags",))
    model = _model()
    source = _existing(model, vmname)
    if __opts__["test"]:
        return _status(comment="VM is set to be cloned")
    return _command(
        f"/usr/bin/qvm-clone {vmname} {clone}",
        lambda model: model.add(
            clone,
            source["klass"],
            {key: value for key, value in source["properties"].items() if key != "installed_by_rpm"},
            source["features"],
            source["tags"],
            source["private"],
        ),
    )


def remove(vmname, *varargs, **kwargs):
    _only("remove", kwargs, ("flags",))
    _existing(_model(), vmname)
    if __opts__["test"]:
        return _status(comment=f"/usr/bin/qvm-remove {vmname}")
    shutdown(vmname, flags=["wait", "force"])
    return _command(f"/usr/bin/qvm-remove --force {vmname}", lambda model: model.remove(vmname))


def prefs(vmname, *varargs, **kwargs):
    wanted = {ALIASES.get(key, key): value for key, value in _underscored(kwargs).items()}
    _only("prefs", wanted, qubes_model.PROPERTIES)
    model = _model()
    own = _existing(model, vmname)["properties"]
    changes, comments = {}, []
    for key in qubes_model.PROPERTIES:
        if key not in wanted:
            continue
        old, new = own.get(key, "*default*"), wanted[key]
        if key in NONE_WHEN_EMPTY and new in ("none", ""):
            new = None
        # A number that was written as text differs, each time.
        if old == new and isinstance(old, type(new)):
            comments.append(f"[SKIP] {key:<19}: {old}")
            continue
        if new == "*default*":
            model.reset(vmname, key)
        else:
            model.set(vmname, key, new)
        changes[key] = {"old": old, "new": new}
    model.save()
    return _status(comment="\n".join(comments), changes={"qvm.create": changes} if changes else {})


def _underscored(kwargs):
    return {key.replace("-", "_"): value for key, value in kwargs.items() if not key.startswith("__")}


def service(vmname, *varargs, **kwargs):
    _only("service", kwargs, SWITCH)
    return _switch(vmname, {action: [f"service.{name}" for name in names] for action, names in kwargs.items()})


def features(vmname, *varargs, **kwargs):
    _only("features", kwargs, (*SWITCH, "set"))
    return _switch(vmname, kwargs)


def _switch(vmname, actions):
    model = _model()
    own = _existing(model, vmname)["features"]
    wanted = {name: SWITCH[action] for action in SWITCH for name in actions.get(action, ())}
    for pair in actions.get("set", ()):
        wanted.update(pair)
    changes = {
        name: {"old": own.get(name), "new": value} for name, value in wanted.items() if own.get(name) != value
    }
    if not __opts__["test"]:
        for name in changes:
            if wanted[name] is None:
                del own[name]
            else:
                own[name] = wanted[name]
        model.save()
    return _status(changes={"qvm.features": changes} if changes else {})


def tags(vmname, *varargs, **kwargs):
    _only("tags", kwargs, ("add", "del", "present", "absent"))
    model = _model()
    qube = _existing(model, vmname)
    old = qube["tags"]
    gone = {*kwargs.get("del", ()), *kwargs.get("absent", ())}
    new = sorted(({*old, *kwargs.get("add", ()), *kwargs.get("present", ())}) - gone)
    if new == old:
        return _status(comment="[SKIP] All requested tags already set: " + ",".join(old))
    if not __opts__["test"]:
        qube["tags"] = new
        model.save()
    return _status(changes={"qvm.tags": {"old": old, "new": new}})


def start(vmname, *varargs, **kwargs):
    _only("start", kwargs, ("flags",))
    return _power(vmname, "Running")


def shutdown(vmname, *varargs, **kwargs):
    _only("shutdown", kwargs, ("flags",))
    return _power(vmname, "Halted")


def _power(vmname, power):
    model = _model()
    qube = _existing(model, vmname)
    if not __opts__["test"]:
        qube["power"] = power
        model.save()
    return _status(comment=f"{vmname}: {power}")


def template_info(name, **kwargs):
    qube = _model().qubes.get(name)
    return {"name": name, "version": "0:1-1"} if qube is not None and qube["klass"] == "TemplateVM" else {}


def template_install(name, version=None, fromrepo=None, pool=None, **kwargs):
    model = _model()
    if name not in model.data["repository"]:
        raise CommandExecutionError(message=f"Failed to install template {name}", info="Template not found")
    model.add(name, "TemplateVM", {"label": "black", "netvm": None, "installed_by_rpm": True})
    return {"info": ""}
