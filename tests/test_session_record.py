"""What a session store gives back, which may be anything: no record that this server has not made is decoded."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SID, OTHER = "0" * 32, "1" * 32
HANDLER = """
    from mod_python import apache, session_record

    KEY, STORED = b"key", {"_accessed": 1.5, "_timeout": 60, "name": "value"}

    def handler(req):
        sid, tag = req.args.split("&")
        tag = tag.encode()
        if req.method == "GET":
            req.write(session_record.seal(KEY, sid, tag, STORED))
            return apache.OK
        record = req.read()
        until = session_record.expires(record)
        assert isinstance(until, float)
        try:
            found = session_record.unseal(KEY, sid, tag, record)
        except session_record.InvalidRecordError as reason:
            found = str(reason)
        req.write("the session" if found == STORED else f"refused: {found}")
        return apache.OK
"""

tags = pytest.mark.parametrize("tag", ["MPS1P", "MPS1J"])


@pytest.fixture
def records(httpd):
    """Posts records on one connection, and makes one."""
    site = httpd(handler=HANDLER)
    with site.connection() as connection:

        def records(method, sid, tag, body=None):
            response = site.ask(connection, method, f"/?{sid}&{tag}", body=body)
            assert response.status == 200
            return response.body

        yield records


@tags
def test_a_record_is_good_for_its_session_alone(records, tag):
    record = records("GET", SID, tag)
    assert records("POST", SID, tag, record) == b"the session"
    assert records("POST", SID, tag, record + b"left from a longer one") == b"the session"
    assert records("POST", OTHER, tag, record).startswith(b"refused: its signature is wrong")


@tags
def test_any_bytes_are_refused(records, tag):
    @EXAMPLES
    @given(st.binary(max_size=80), st.booleans())
    def check(noise, tagged):
        assert records("POST", SID, tag, tag.encode() + noise if tagged else noise).startswith(b"refused: it")

    check()


@tags
def test_any_change_is_refused(records, tag):
    record = records("GET", SID, tag)

    @EXAMPLES
    @given(st.integers(0, len(record) - 1), st.integers(1, 255), st.booleans())
    def check(at, change, cut):
        altered = record[:at] + bytes([record[at] ^ change]) + record[at + 1 :]
        assert records("POST", SID, tag, record[:at] if cut else altered).startswith(b"refused: it")

    check()
