from mod_python import Session, apache

kept = {}


class OwnSession(Session.BaseSession):
    """In a dict of one interpreter, for the sake of the example."""

    def do_load(self):  # the dict that was saved under self.id(), or None
        return kept.get(self.id())

    def do_save(self, dict):  # keys: _data (a dict), _created, _accessed, _timeout
        kept[self.id()] = dict

    def do_delete(self):
        kept.pop(self.id(), None)

    def do_cleanup(self):
        pass


def handler(req):
    session = OwnSession(req)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    req.write(f"Visit {session['visits']}\n")
    return apache.OK
