from mod_python import Session, apache


def handler(req):
    session = Session.Session(req)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    req.write(f"Visit {session['visits']}\n")
    return apache.OK
