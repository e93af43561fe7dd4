"""One phase, three turns: before httpd's other modules, among them, and after them."""

from mod_python import apache


def note(req):
    """Note what this turn finds of the variable that mod_env sets in the same phase."""
    turn = req.hlist.turn or "usual"
    req.notes[turn] = str(req.subprocess_env.get("GREETING"))
    return apache.DECLINED


def handler(req):
    req.content_type = "text/plain; charset=utf-8"
    # By now all three have run; mod_env, which sets GREETING, ran among the usual ones.
    for turn in ("@early", "usual", "@late"):
        req.write(f"{turn}: {req.notes[turn]}\n")
    return apache.OK
