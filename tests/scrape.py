"""What the status page has for machines, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from httpd import wait_until

SERVER = "<Location /status>\nSetHandler python-status\nRequire all granted\n</Location>\n"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Samples:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.all = [sample for family in self.families.values() for sample in family.samples]

    def sum(self, name, **labels):
        """The sum of the samples of a name that have these labels."""
        return sum(
            sample.value for sample in self.all if sample.name == f"mod_python_{name}" and labels.items() <= sample.labels.items()
        )

    def by(self, name, label, **labels):
        """The values of a name by one of its labels, without those that are 0."""
        found = {sample.labels[label] for sample in self.all if sample.name == f"mod_python_{name}"}
        sums = {value: self.sum(name, **labels, **{label: value}) for value in found}
        return {value: total for value, total in sums.items() if total}


def scrape(site):
    response = site.get("/status?format=prometheus")
    assert (response.status, response.headers["Content-Type"]) == (200, CONTENT_TYPE)
    return Samples(response.text)


def wait_for(site, expected, name, label, **labels):
    """Wait until the values by a label are these: a response is counted when it is over, after the client has it."""
    seen = []

    def is_so():
        seen.append(scrape(site).by(name, label, **labels))
        return seen[-1] == expected

    try:
        wait_until(is_so, f"{name} {expected}", deadline=10)
    except TimeoutError:
        assert seen[-1] == expected
