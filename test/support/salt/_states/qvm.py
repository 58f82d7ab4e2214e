"""The states of dom0's qvm.*: names, arguments, results and the order of qvm.vm as in
QubesOS/qubes-mgmt-salt-dom0-qvm _states/ext_state_qvm.py. What the model has no module for is refused by name."""

from collections.abc import Mapping

from salt.exceptions import CommandExecutionError, SaltInvocationError

__virtualname__ = "qvm"

# In the order in which qvm.vm does them unless its `actions` say otherwise.
ACTIONS = (
    "exists running missing halted absent present clone prefs devices service features firewall tags unpause pause shutdown"
    " kill start run"
).split()


def __virtual__():
    return __virtualname__ if "qvm.prefs" in __salt__ else False


def _do(function, name, *varargs, **kwargs):
    if f"qvm.{function}" not in __salt__:
        raise NotImplementedError(f"the model of qubes has no qvm.{function}")
    try:
        return vars(__salt__[f"qvm.{function}"](name, *varargs, **kwargs))
    except (SaltInvocationError, CommandExecutionError) as error:
        return {"name": "", "result": False, "retcode": 1, "changes": {}, "comment": "", "stderr": f"{error.message}\n"}


def _passed(status):
    return status["result"] if status["result"] is not None else not status["retcode"]


def _skip(message):
    result = None if __opts__["test"] else True
    return {"name": "", "result": result, "retcode": 0, "changes": {}, "comment": f"[SKIP] {message}"}


def exists(name, *varargs, **kwargs):
    return _do("check", name, *varargs, "exists", **kwargs)


def missing(name, *varargs, **kwargs):
    return _do("check", name, *varargs, "missing", **kwargs)


def running(name, *varargs, **kwargs):
    return _do("state", name, *varargs, "running", **kwargs)


def halted(name, *varargs, **kwargs):
    status = _do("state", name, *varargs, "halted", **kwargs)
    return _skip(status.get("stderr") or f"'{name}' is already halted.") if _passed(status) or status.get("stderr") else status


def present(name, *varargs, **kwargs):
    if _passed(exists(name)):
        return _skip(f"A VM with the name '{name}' already exists.")
    return _do("create", name, *varargs, **kwargs)


def absent(name, *varargs, **kwargs):
    if _passed(missing(name)):
        return _skip(f"The VM with the name '{name}' is already missing.")
    return _do("remove", name, *varargs, **kwargs)


def clone(name, source, *varargs, **kwargs):
    if _passed(exists(name)):
        return _skip(f"A VM with the name '{name}' already exists.")
    return _do("clone", source, name, *varargs, **kwargs)


def prefs(name, *varargs, **kwargs):
    return _do("prefs", name, *varargs, **kwargs)


def service(name, *varargs, **kwargs):
    return _do("service", name, *varargs, **kwargs)


def features(name, *varargs, **kwargs):
    return _do("features", name, *varargs, **kwargs)


def tags(name, *varargs, **kwargs):
    return _do("tags", name, *varargs, **kwargs)


def start(name, *varargs, **kwargs):
    return _do("start", name, *varargs, **kwargs)


def shutdown(name, *varargs, **kwargs):
    return _do("shutdown", name, *varargs, **kwargs)


def vm(name, *varargs, **kwargs):
    actions = kwargs.pop("actions", ACTIONS)
    order = [next(iter(one.items())) if isinstance(one, Mapping) else (one, "fail") for one in actions]
    ret = {"name": name, "changes": {}, "result": None if __opts__["test"] else True, "comment": ""}
    unknown = [action for action in kwargs if action not in dict(order)]
    if unknown:
        return {**ret, "result": False, "comment": f"Unknown action keyword: {unknown[0]}"}
    comments = []
    for action, on_failure in order:
        if action not in kwargs:
            continue
        if not ret["result"] and not __opts__["test"]:
            comments.append(f"====== ['{action}'] ======\n[SKIP] Skipping due to previous failure!")
            continue
        positional = [option for option in kwargs[action] if not isinstance(option, Mapping)]
        keywords = {key: value for option in kwargs[action] if isinstance(option, Mapping) for key, value in option.items()}
        act = globals().get(action)
        if act is None:
            raise NotImplementedError(f"the model of qubes has no qvm.{action}")
        status = act(name, *positional, **keywords)
        if not status["result"] and "pass" not in on_failure:
            ret["result"] = status["result"]
        if status["changes"]:
            ret["changes"][f"qvm.{action}"] = status["changes"]
        comments.append(f"====== ['{action}'] ======\n{status['comment'].strip() or status.get('stderr', '').strip()}")
    return {**ret, "comment": "\n\n".join(comments)}


def template_installed(name, fromrepo=None, pool=None, **kwargs):
    ret = {"name": name, "result": True, "changes": {}, "comment": f"Template {name} already installed"}
    if __salt__["qvm.check"](name, flags=["template"]).passed():
        return ret
    if __opts__["test"]:
        return {**ret, "result": None, "changes": {"new": name}, "comment": f"Template {name} would be installed"}
    try:
        __salt__["qvm.template_install"](name, fromrepo=fromrepo, pool=pool)
    except CommandExecutionError as error:
        return {**ret, "result": False, "comment": str(error)}
    return {**ret, "changes": {"new": __salt__["qvm.template_info"](name)}, "comment": f"Template {name} installed"}
